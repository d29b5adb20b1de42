using Longshore.Server.Commands;
using Longshore.Server.Hosting;
using Longshore.Server.Tests.Content;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.S3;

namespace Longshore.Server.Tests.Verification;

public sealed class VerifyCommandTests
{
    [Fact]
    public async Task A_repair_without_its_blob_store_is_refused_and_changes_nothing()
    {
        await using var content = await RegistryAsync();
        Directory.CreateDirectory(Path.Combine(content.DataDirectory, "unmounted"));
        foreach (var place in new[] { "unmounted", "missing" })
        {
            var (exit, _, error) = await RunAsync(content, "--repair", "--blobs", Path.Combine(content.DataDirectory, place));
            Assert.Equal(ExitCodes.Failed, exit);
            Assert.Contains("--blobs", error, StringComparison.Ordinal);
            Assert.Empty(Directory.GetFiles(content.DataDirectory, "unmounted/*"));
            Assert.False(Directory.Exists(Path.Combine(content.DataDirectory, "missing")));
        }

        Assert.Equal(0, await content.CountAsync("blobs", "state <> 0"));
        Assert.Equal(ExitCodes.Done, (await RunAsync(content)).Exit);
    }

    [Fact]
    public async Task A_database_that_is_none_is_told_in_words()
    {
        await using var content = await RegistryAsync();
        await content.Database.DisposeAsync();
        TestDatabases.RequireSqlite("it is overwritten with nonsense");
        await File.WriteAllBytesAsync(content.DatabaseFile, new byte[8192].Select((_, i) => (byte)i).ToArray(), ContentHarness.Token);
        var (exit, _, error) = await RunAsync(content);
        Assert.Equal(ExitCodes.Failed, exit);
        Assert.Contains("not a database", error, StringComparison.Ordinal);
    }

    private static async Task<ContentHarness> RegistryAsync()
    {
        var content = new ContentHarness();
        await content.PushAsync(await content.CreateAsync("images"), TestImage.Create(1, 10), "it");
        return content;
    }

    private static async Task<(int Exit, string Output, string Error)> RunAsync(ContentHarness content, params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exit = await LongshoreCommand.RunAsync(["verify", "--data", content.DataDirectory, .. TestDatabases.Arguments(content.DataDirectory), .. arguments.Contains("--blobs") ? [] : S3Gateway.BlobArguments(content.DataDirectory), .. arguments], output, error, ContentHarness.Token);
        return (exit, output.ToString(), error.ToString());
    }
}

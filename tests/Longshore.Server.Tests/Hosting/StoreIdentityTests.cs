using Longshore.Server.Content.Stores;
using Longshore.Server.Hosting;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Hosting;

/// <summary>A server starts on the store of its database and on no other.</summary>
public sealed class StoreIdentityTests : IDisposable
{
    private readonly TemporaryDirectory directory = new("stores");
    private readonly TestManifest image = TestImage.Create(1, 5_000, 70_000);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Data => directory.Combine("data");

    private string Blobs => directory.Combine("blobs");

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task A_server_refuses_an_empty_store_and_takes_a_copy_that_was_adopted_and_the_former_place_no_more()
    {
        await PushAsync();
        var empty = directory.Combine("empty");
        var refused = await ServeAsync(Data, empty);
        Assert.Equal(ExitCodes.StoreRefused, refused.ExitCode);
        foreach (var part in (string[])[$"--blobs {empty} has no id", "longshore store adopt"]) Assert.Contains(part, refused.StandardError, StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Failed, (await RunAsync(Data, empty, "verify", "--repair")).ExitCode);

        // A copy has the id and is taken as it is; one without it is not, until somebody says so.
        await CommandRunner.RunAsync("cp", ["-r", Blobs, directory.Combine("copy")], Token);
        await VerifyAsync(Data, directory.Combine("copy"));
        File.Delete(Path.Combine(directory.Combine("copy"), IMarkedStore.MarkName));
        Assert.Equal(ExitCodes.StoreRefused, (await ServeAsync(Data, directory.Combine("copy"))).ExitCode);
        Assert.Equal(ExitCodes.Failed, (await RunAsync(Data, empty, "store", "adopt")).ExitCode);
        Assert.Equal(ExitCodes.Done, (await RunAsync(Data, directory.Combine("copy"), "store", "adopt")).ExitCode);
        await VerifyAsync(Data, directory.Combine("copy"));
        var former = await ServeAsync(Data, Blobs);
        Assert.Equal(ExitCodes.StoreRefused, former.ExitCode);
        Assert.Contains("belongs to the store", former.StandardError, StringComparison.Ordinal);

        // And with what is lost given up.
        Assert.Equal(ExitCodes.Done, (await RunAsync(Data, empty, "store", "adopt", "--force")).ExitCode);
        await using var server = await StartAsync(Data, empty);
        Assert.Equal(0, await server.StopAsync(Token));
    }

    [Fact]
    public async Task A_new_database_is_not_served_over_the_store_of_another()
    {
        await PushAsync();
        var before = Directory.GetFiles(Path.Combine(Blobs, "sha256"), "*", SearchOption.AllDirectories);
        var refused = await ServeAsync(directory.Combine("other"), Blobs);
        Assert.Equal(ExitCodes.StoreRefused, refused.ExitCode);
        Assert.Contains("of another database", refused.StandardError, StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Failed, (await RunAsync(directory.Combine("other"), Blobs, "store", "adopt")).ExitCode);
        Assert.Equal(before, Directory.GetFiles(Path.Combine(Blobs, "sha256"), "*", SearchOption.AllDirectories));
        await VerifyAsync(Data, Blobs);
    }

    [Fact]
    public async Task A_registry_of_a_former_version_is_given_an_id_unless_its_store_is_not_there()
    {
        await PushAsync();
        await ForgetAsync();
        Assert.Equal(ExitCodes.StoreRefused, (await ServeAsync(Data, directory.Combine("empty"))).ExitCode);
        Assert.Equal(ExitCodes.Done, (await RunAsync(Data, Blobs, "verify")).ExitCode);
        Assert.False(File.Exists(Path.Combine(Blobs, IMarkedStore.MarkName)));
        await VerifyAsync(Data, Blobs);
        Assert.EndsWith("\ntaken\n", await File.ReadAllTextAsync(Path.Combine(Blobs, IMarkedStore.MarkName), Token), StringComparison.Ordinal);

        // Killed between the steps of its first start.
        await File.WriteAllTextAsync(Path.Combine(Blobs, IMarkedStore.MarkName), StoreMark.Make().ToString(), Token);
        await ForgetAsync(mark: false);
        await VerifyAsync(Data, Blobs);
        await using (var database = TestDatabases.Open(Data))
        {
            var id = await database.ReadAsync(StoreArea.Standard.FindIdAsync, Token);
            Assert.Equal(new StoreMark(id!, IsNew: false).ToString(), await File.ReadAllTextAsync(Path.Combine(Blobs, IMarkedStore.MarkName), Token));
            await File.WriteAllTextAsync(Path.Combine(Blobs, IMarkedStore.MarkName), new StoreMark(id!, IsNew: true).ToString(), Token);
        }

        await VerifyAsync(Data, Blobs);
    }

    [Fact]
    public async Task A_registry_without_blobs_follows_its_options()
    {
        TestDatabases.RequireSqlite("others may use a shared database");
        foreach (var place in (string[])["one", "two", "one"])
        {
            // The first place has an id that the database does not name any more.
            if (place == "one" && Directory.Exists(directory.Combine(place))) Assert.Equal(ExitCodes.StoreRefused, (await ServeAsync(Data, directory.Combine(place))).ExitCode);
            else await (await StartAsync(Data, directory.Combine(place))).DisposeAsync();
        }
    }

    [Fact]
    public async Task Of_servers_that_start_at_once_on_a_new_database_those_with_one_store_run_and_no_other()
    {
        TestDatabases.RequirePostgres();
        var url = TestPostgres.CreateEmptyDatabase();
        try
        {
            await File.WriteAllTextAsync(directory.Combine("sealing.key"), $"1 {Convert.ToBase64String(new byte[32])}\n", Token);
            File.SetUnixFileMode(directory.Combine("sealing.key"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
            string[] places = ["shared", "own", "shared"];
            var started = await Task.WhenAll(places.Select((place, i) => TryStartAsync(directory.Combine($"data{i}"), directory.Combine(place), url)));
            var running = places.Where((_, i) => started[i].Server is not null).ToList();
            Assert.True(running is ["own"] or ["shared", "shared"], string.Join(", ", started.Select(static one => one.Failure)));
            Assert.All(started.Where(static one => one.Server is null), static one => Assert.Contains("ended with code 5", one.Failure, StringComparison.Ordinal));
            var first = started.First(static one => one.Server is not null).Server!;
            using var http = new HttpClient();
            var metrics = System.Text.RegularExpressions.Regex.Match(first.Output, @"Metrics:\s+(\S+)").Groups[1].Value;
            var line = Assert.Single((await http.GetStringAsync(new Uri(metrics), Token)).Split('\n'), static line => line.StartsWith("longshore_clock_difference_seconds ", StringComparison.Ordinal));
            Assert.InRange(double.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture), -1, 1);
            foreach (var (server, _) in started)
                if (server is not null) await server.DisposeAsync();

            // Nobody else is there now, and there are no blobs; yet what has an id that is not the database's is refused.
            var loser = running[0] == "own" ? "shared" : "own";
            var winner = await TryStartAsync(directory.Combine("data0"), directory.Combine(running[0]), url);
            Assert.Null(winner.Failure);
            var late = await TryStartAsync(directory.Combine("data1"), directory.Combine(loser), url);
            Assert.Contains("ended with code 5", late.Failure, StringComparison.Ordinal);
            await winner.Server!.DisposeAsync();
        }
        finally
        {
            TestPostgres.DropDatabase(url);
        }
    }

    private async Task PushAsync()
    {
        await using var server = await StartAsync(Data, Blobs);
        using var ecr = new EcrClient(server.BaseAddress, server.Options.AccessKeyId, server.Options.SecretAccessKey);
        var (user, password) = await ecr.GetLoginAsync(Token);
        using var oci = new OciClient(server.BaseAddress, user, password);
        await oci.PushImageAsync("some/images", image, "it", Token);
        Assert.Equal(0, await server.StopAsync(Token));
    }

    private async Task VerifyAsync(string data, string blobs)
    {
        await using var server = await StartAsync(data, blobs);
        using var ecr = new EcrClient(server.BaseAddress, server.Options.AccessKeyId, server.Options.SecretAccessKey);
        var (user, password) = await ecr.GetLoginAsync(Token);
        using var oci = new OciClient(server.BaseAddress, user, password);
        await oci.VerifyImageAsync("some/images", image, "it", Token);
        Assert.Equal(0, await server.StopAsync(Token));
    }

    private async Task ForgetAsync(bool mark = true)
    {
        await using var database = TestDatabases.Open(Data);
        Assert.True(await database.WriteAsync(Durability.Synced, StoreArea.ForgetAsync, Token) > 0);
        if (mark) File.Delete(Path.Combine(Blobs, IMarkedStore.MarkName));
        File.Delete(Path.Combine(directory.Combine("archive"), IMarkedStore.MarkName));
    }

    private string[] Arguments(string blobs) => ["--blobs", blobs, "--archive", directory.Combine("archive")];

    private Task<LongshoreProcess> StartAsync(string data, string blobs) =>
        LongshoreProcess.StartAsync(new LongshoreOptions { DataDirectory = data, Arguments = ["--create-on-push", .. Arguments(blobs)] }, Token);

    private static async Task<(LongshoreProcess? Server, string? Failure)> TryStartAsync(string data, string blobs, string url)
    {
        try
        {
            var key = Path.Combine(Path.GetDirectoryName(data)!, "sealing.key");
            return (await LongshoreProcess.StartAsync(
                new LongshoreOptions { DataDirectory = data, Arguments = ["--database", url, "--blobs", blobs, "--key-file", key, "--metrics-listen", "127.0.0.1:0"] }, Token), null);
        }
        catch (InvalidOperationException e)
        {
            return (null, e.Message);
        }
    }

    private Task<CommandResult> ServeAsync(string data, string blobs) => RunAsync(data, blobs, "serve", "--listen", "http://127.0.0.1:0");

    private Task<CommandResult> RunAsync(string data, string blobs, params string[] command)
    {
        // A command takes a store in its place, of which a new database knows nothing yet.
        Directory.CreateDirectory(data);
        string[] arguments = [.. command, "--data", data, .. TestDatabases.Arguments(data), .. Arguments(blobs)];
        var binary = LongshoreProcess.BinaryPath();
        return binary.EndsWith(".dll", StringComparison.Ordinal) ? CommandRunner.TryRunAsync("dotnet", [binary, .. arguments], Token) : CommandRunner.TryRunAsync(binary, arguments, Token);
    }
}

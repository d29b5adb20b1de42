using System.Security.Cryptography;
using Longshore.Server.Access;
using Longshore.Server.Tests.Access;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Processes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Longshore.Server.Tests.Security;

/// <summary>The keys outside the database: without the file the database's secrets are closed, and nothing pretends otherwise.</summary>
public sealed class KeyFileTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private KeyFile KeyFile => new(directory.Combine(KeyFile.Name));

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task First_start_makes_a_file_for_its_owner_alone_and_wraps_the_server_key()
    {
        await using var access = await AccessFixture.StartAsync(directory.Path);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(KeyFile.Path));
        Assert.Equal(1u, KeyFile.Read().Value.Newest);
        var stored = Assert.Single(await StoredAsync(access.Database));
        Assert.Equal(1u, SealingKeys.WrappedBy(stored.Value));
        Assert.Single(Directory.GetFiles(directory.Path, "sealing.key*"));
    }

    [Fact]
    public async Task Bare_keys_of_an_older_release_are_wrapped_at_start_and_gone_from_the_files()
    {
        var bare = RandomNumberGenerator.GetBytes(32);
        await using (var database = TestDatabases.Open(directory.Path))
        {
            await database.WriteAsync(
                Durability.Synced, s => s.ExecuteAsync("INSERT INTO settings (name, value) VALUES ('access.server-key.1', @key)", ("@key", bare)), Token);
        }

        // Where the database is no file, only its rows can be looked at.
        Assert.Equal(!TestDatabases.IsPostgres, Contains(directory.Path, bare));
        await using (var access = await AccessFixture.StartAsync(directory.Path))
        {
            Assert.Equal(1u, access.Get<ServerKeys>().CurrentId);
            Assert.Equal(1u, SealingKeys.WrappedBy(Assert.Single(await StoredAsync(access.Database)).Value));
            var derived = new byte[32];
            Assert.True(access.Get<ServerKeys>().TryDerive(1, "test", [], derived));
            Assert.Equal(HMACSHA256.HashData(bare, "test\0"u8), derived);
        }

        Assert.False(Contains(directory.Path, bare));
    }

    [Fact]
    public async Task Missing_file_is_no_reason_for_a_new_one()
    {
        await (await AccessFixture.StartAsync(directory.Path)).DisposeAsync();
        File.Delete(KeyFile.Path);
        await using var database = TestDatabases.Open(directory.Path);
        var refused = await Keys(database).LoadAsync(Token);
        Assert.Contains("is missing", refused!.Message, StringComparison.Ordinal);
        Assert.False(KeyFile.Exists);
    }

    [Fact]
    public async Task File_of_another_database_opens_nothing_and_is_left_alone()
    {
        await (await AccessFixture.StartAsync(directory.Path)).DisposeAsync();
        File.Delete(KeyFile.Path);
        Assert.True(KeyFile.Create().Succeeded);
        var text = await File.ReadAllTextAsync(KeyFile.Path, Token);
        await using var database = TestDatabases.Open(directory.Path);
        Assert.Contains("does not open the secrets of this database", (await Keys(database).LoadAsync(Token))!.Message, StringComparison.Ordinal);
        await File.WriteAllTextAsync(KeyFile.Path, text.Replace("\n1 ", "\n7 ", StringComparison.Ordinal), Token);
        Assert.Contains("has no key 1", (await Keys(database).LoadAsync(Token))!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wrapped_key_moved_to_another_row_does_not_open()
    {
        await using var access = await AccessFixture.StartAsync(directory.Path);
        await access.Get<ServerKeys>().RotateAsync(Token);
        await access.Database.WriteAsync(
            Durability.Synced,
            s => s.ExecuteAsync("UPDATE settings SET value = (SELECT value FROM settings WHERE name = 'access.server-key.1') WHERE name = 'access.server-key.2'"),
            Token);
        Assert.NotNull(await Keys(access.Database).LoadAsync(Token));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void File_that_others_may_touch_is_refused(UnixFileMode more)
    {
        Assert.True(KeyFile.Create().Succeeded);
        File.SetUnixFileMode(KeyFile.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | more);
        Assert.Contains("chmod 600", KeyFile.Read().Error!.Message, StringComparison.Ordinal);
        File.SetUnixFileMode(KeyFile.Path, UnixFileMode.UserRead);
        Assert.True(KeyFile.Read().Succeeded);
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing\n")]
    [InlineData("1\n")]
    [InlineData("0 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")]
    [InlineData("-1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")]
    [InlineData("1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")]
    [InlineData("1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n")]
    [InlineData("1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")]
    public void Broken_file_is_refused_and_its_text_is_not_shown(string text)
    {
        using (var file = new FileStream(KeyFile.Path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
            file.Write(System.Text.Encoding.ASCII.GetBytes(text));
        var error = KeyFile.Read().Error;
        Assert.NotNull(error);
        Assert.DoesNotContain("AAAA", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Files_made_at_the_same_time_are_one_file()
    {
        var made = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => KeyFile.Create().Value, Token)));
        Assert.Single(made.Select(keys => Convert.ToHexString(keys.Keys[1])).Distinct());
        Assert.Single(Directory.GetFiles(directory.Path));
    }

    [Fact]
    public async Task Rotation_keeps_what_was_sealed_and_retiring_ends_tokens_but_no_access_key()
    {
        string token, rootId;
        var trailKey = new byte[32];
        await using (var access = await AccessFixture.StartAsync(directory.Path))
        {
            token = access.Get<RegistryTokens>().Issue(await access.SignInAsync(), AccessFixture.Home).Value;
            rootId = access.Root.AccessKeyId;
            Assert.True(access.Get<ServerKeys>().TryDerive(1, ServerKeys.TrailPurpose, [], trailKey));
            var before = KeyFile.Read().Value;
            Assert.Equal(new KeyRotationResult(2, 2, 0, 0), (await Rotation(access).RotateAsync(Token)).Value);
            Assert.Equal([1u, 2u], KeyFile.Read().Value.Keys.Keys.Order());
            Assert.Equal(before.Keys[1], KeyFile.Read().Value.Keys[1]);
            Assert.All(await StoredAsync(access.Database), row => Assert.Equal(2u, SealingKeys.WrappedBy(row.Value)));
        }

        await using (var access = await AccessFixture.StartAsync(directory.Path))
        {
            Assert.True((await access.Get<RegistryTokens>().OpenAsync(token, Token)).Succeeded);
            Assert.NotNull(await access.Get<PrincipalStore>().FindKeyAsync(rootId, Token));
            Assert.Equal(new KeyRotationResult(2, 2, 1, 1), (await Rotation(access).RetireAsync(Token)).Value);
            Assert.Equal([2u], KeyFile.Read().Value.Keys.Keys);
            // Again: nothing is left to do.
            Assert.Equal(new KeyRotationResult(2, 2, 0, 0), (await Rotation(access).RetireAsync(Token)).Value);
        }

        await using (var access = await AccessFixture.StartAsync(directory.Path))
        {
            Assert.False((await access.Get<RegistryTokens>().OpenAsync(token, Token)).Succeeded);
            Assert.NotNull(await access.Get<PrincipalStore>().FindKeyAsync(rootId, Token));
            Assert.Single(await StoredAsync(access.Database));
            // What was sealed in the trail is verified for as long as it is kept.
            var again = new byte[32];
            Assert.True(access.Get<ServerKeys>().TryDerive(1, ServerKeys.TrailPurpose, [], again));
            Assert.Equal(trailKey, again);
            Assert.False(access.Get<ServerKeys>().TryDerive(1, "anything else", [], again));
        }
    }

    [Fact]
    public async Task Rotation_cut_off_after_the_file_is_finished_by_the_next_one()
    {
        await using var access = await AccessFixture.StartAsync(directory.Path);
        // What a crash between the first and the second step leaves.
        Assert.Null(KeyFile.Replace(KeyFile.Read().Value.WithNewKey()));
        Assert.Null(await Keys(access.Database).LoadAsync(Token));
        Assert.Equal(new KeyRotationResult(3, 2, 0, 0), (await Rotation(access).RotateAsync(Token)).Value);
        Assert.Null(await Keys(access.Database).LoadAsync(Token));
        Assert.Equal(new KeyRotationResult(3, 2, 1, 1), (await Rotation(access).RetireAsync(Token)).Value);
        Assert.Null(await Keys(access.Database).LoadAsync(Token));
    }

    [Fact]
    public async Task Lost_file_is_given_up_when_somebody_says_so_and_root_gets_in_again()
    {
        string token, rootId;
        await using (var access = await AccessFixture.StartAsync(directory.Path))
        {
            token = access.Get<RegistryTokens>().Issue(await access.SignInAsync(), AccessFixture.Home).Value;
            rootId = access.Root.AccessKeyId;
        }

        File.Delete(KeyFile.Path);
        await using (var database = TestDatabases.Open(directory.Path))
        {
            Assert.Equal(1, (await Keys(database).ReplaceLostAsync(Token)).Value);
            Assert.Equal(0, (await Keys(database).ReplaceLostAsync(Token)).Value);
        }

        await using var again = await AccessFixture.StartAsync(directory.Path);
        Assert.Equal(2u, again.Get<ServerKeys>().CurrentId);
        Assert.Null(await again.Get<PrincipalStore>().FindKeyAsync(rootId, Token));
        Assert.False((await again.Get<RegistryTokens>().OpenAsync(token, Token)).Succeeded);
        var given = RootCredentials.Generate();
        Assert.True((await again.Get<PrincipalStore>().EnsureRootAsync(AccessFixture.Account, given, Token)).Succeeded);
        Assert.NotNull(await again.Get<PrincipalStore>().FindKeyAsync(given.AccessKeyId, Token));
    }

    [Fact]
    public void Link_to_a_file_elsewhere_stays_a_link_when_keys_are_rotated()
    {
        var target = new KeyFile(directory.Combine("real.key"));
        Assert.True(target.Create().Succeeded);
        File.CreateSymbolicLink(KeyFile.Path, target.Path);
        Assert.Null(KeyFile.Replace(KeyFile.Read().Value.WithNewKey()));
        Assert.NotNull(new FileInfo(KeyFile.Path).LinkTarget);
        Assert.Equal(2u, target.Read().Value.Newest);
    }

    [Fact]
    public async Task Server_without_its_key_file_does_not_start_and_says_why_with_exit_code_4()
    {
        var keyFile = directory.Combine("elsewhere", "longshore.key");
        Directory.CreateDirectory(directory.Combine("elsewhere"));
        var data = directory.Combine("data");
        await using (var server = await LongshoreProcess.StartAsync(new LongshoreOptions { DataDirectory = data, Arguments = ["--key-file", keyFile] }, Token))
        {
            Assert.True(File.Exists(keyFile));
            Assert.False(File.Exists(Path.Combine(data, "sealing.key")));
            var busy = await Binary.RunAsync("keys", "rotate", "--data", data, "--key-file", keyFile);
            Assert.Equal(3, busy.ExitCode);
            await server.StopAsync(Token);
        }

        var missing = await Binary.RunAsync("serve", "--listen", "http://127.0.0.1:0", "--data", data);
        Assert.Equal(4, missing.ExitCode);
        Assert.Contains($"The key file {Path.Combine(data, "sealing.key")} is missing", missing.StandardError, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(data, "sealing.key")));
        var rotatedWithout = await Binary.RunAsync("keys", "rotate", "--data", data);
        Assert.Equal(4, rotatedWithout.ExitCode);

        var rotated = await Binary.RunAsync("keys", "rotate", "--data", data, "--key-file", keyFile);
        Assert.True(rotated.ExitCode == 0 && rotated.StandardOutput.Contains("Key 2 of", StringComparison.Ordinal), rotated.ToString());
        var retired = await Binary.RunAsync("keys", "rotate", "--retire", "--data", data, "--key-file", keyFile);
        Assert.True(retired.ExitCode == 0 && retired.StandardOutput.Contains("1 older server keys ended; 1 secrets were sealed again", StringComparison.Ordinal), retired.ToString());

        File.SetUnixFileMode(keyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        var open = await Binary.RunAsync("serve", "--listen", "http://127.0.0.1:0", "--data", data, "--key-file", keyFile);
        Assert.Equal(4, open.ExitCode);
        File.SetUnixFileMode(keyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await using var again = await LongshoreProcess.StartAsync(new LongshoreOptions { DataDirectory = data, Arguments = ["--key-file", keyFile] }, Token);
        Assert.Equal(0, await again.StopAsync(Token));
        foreach (var line in File.ReadLines(keyFile).Where(line => line[0] != '#'))
            Assert.DoesNotContain(line.Split(' ')[1], again.Output + rotated + retired + missing + open, StringComparison.Ordinal);
    }

    private ServerKeys Keys(IDatabase database) => new(database, KeyFile, NullLogger<ServerKeys>.Instance);

    private KeyRotation Rotation(AccessFixture access)
    {
        var keys = Keys(access.Database);
        return new KeyRotation(access.Database, KeyFile, keys, new SealedBox(keys));
    }

    private static ValueTask<List<(string Name, byte[] Value)>> StoredAsync(IDatabase database) => database.ReadAsync(
        s => s.QueryAsync("SELECT name, value FROM settings WHERE name LIKE 'access.server-key.%'", static row => (row.GetString(0), row.GetBytes(1))), Token);

    private static bool Contains(string directory, byte[] secret) => Directory.EnumerateFiles(directory, "longshore.db*")
        .Any(file => File.ReadAllBytes(file).AsSpan().IndexOf(secret) >= 0);
}

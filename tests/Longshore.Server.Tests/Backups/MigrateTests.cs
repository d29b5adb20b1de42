using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Longshore.Server.Hosting;
using Longshore.Storage.Metadata;
using Longshore.Storage.Metadata.Copying;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;
using Longshore.TestSupport.S3;

namespace Longshore.Server.Tests.Backups;

/// <summary><c>longshore migrate</c> by the binary, beside a real server that pushes, deletes and collects meanwhile; killed in the middle and run again.</summary>
public sealed class MigrateTests : IDisposable
{
    private static readonly string[] Hasty = ["--create-on-push", "--blob-lease", "60s", "--gc-grace", "1s", "--gc-interval", "1s"];

    private readonly TemporaryDirectory home = new("migrate");
    private readonly List<string> urls = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        foreach (var url in urls) TestPostgres.DropDatabase(url);
        home.Dispose();
    }

    [Fact]
    public async Task A_serving_registry_moves_to_postgresql_and_other_directories_and_back() => await ThereAndBackAsync([]);

    [Fact]
    public async Task A_serving_registry_moves_to_postgresql_and_s3_and_back()
    {
        foreach (var tool in (string[])["ceph-mon", "ceph-osd", "ceph", "radosgw"]) Requires.Tool(tool);
        var gateway = await S3Gateway.GetAsync();
        await ThereAndBackAsync(["--blobs", gateway.NewUrl()]);
    }

    [Fact]
    public async Task Blobs_and_data_directory_may_stay_where_they_are()
    {
        TestDatabases.RequireSqlite("names its databases itself");
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = Hasty }, Token);
        using var oci = await LoginAsync(server);
        var image = TestImage.Create(1, 50_000);
        await oci.PushImageAsync("team/app", image, "one", Token);
        var database = NewDatabase();
        await server.StopAsync(Token);
        var moved = await MigrateAsync(ExitCodes.Done, "--data", server.DataDirectory, "--to-database", database);
        Assert.Equal(0, moved.GetProperty("copiedBlobs").GetInt32());
        Assert.True(moved.GetProperty("verifiedBlobs").GetInt32() >= 2);
        await using (var second = await LongshoreProcess.StartAsync(new LongshoreOptions { DataDirectory = server.DataDirectory, Arguments = ["--database", database] }, Token))
        {
            using var reader = await LoginAsync(second);
            await reader.VerifyImageAsync("team/app", image, "one", Token);
        }

        await VerifyTrailAsync(server.DataDirectory, database);

        // The old database is closed, a move into what is in use or of what is not there is refused, and going back is possible.
        await Assert.ThrowsAsync<InvalidOperationException>(() => server.RestartAsync(samePort: false, Token));
        Assert.Contains("has moved", server.Output, StringComparison.Ordinal);
        Assert.Contains("already", (await TryAsync("migrate", "--data", server.DataDirectory, "--to-database", database)).StandardError, StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Failed, (await TryAsync("migrate", "--data", home.Combine("none"), "--to-database", NewDatabase())).ExitCode);
        Assert.Equal(ExitCodes.Failed, (await TryAsync("migrate", "--data", server.DataDirectory)).ExitCode);
        Assert.Equal(ExitCodes.WrongOptions, (await TryAsync("migrate", "--data", server.DataDirectory, "--to-database", "mysql://x")).ExitCode);
        Assert.Equal(ExitCodes.Done, (await TryAsync("migrate", "--forget", "--data", server.DataDirectory)).ExitCode);
        await server.RestartAsync(samePort: false, Token);
    }

    [Fact]
    public async Task A_blob_that_is_damaged_at_the_source_is_named_and_the_rest_moves()
    {
        TestDatabases.RequireSqlite("names its databases itself");
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = Hasty }, Token);
        using var oci = await LoginAsync(server);
        var (bad, good) = (TestImage.Create(1, 50_000), TestImage.Create(2, 50_000));
        await oci.PushImageAsync("team/app", bad, "bad", Token);
        await oci.PushImageAsync("team/app", good, "good", Token);
        await server.StopAsync(Token);
        var digest = bad.Blobs[^1].Digest;
        var hex = digest[(digest.IndexOf(':', StringComparison.Ordinal) + 1)..];
        var body = Directory.EnumerateFiles(Path.Combine(server.DataDirectory, "blobs/sha256"), hex + "*", SearchOption.AllDirectories).Single();
        var bytes = await File.ReadAllBytesAsync(body, Token);
        bytes[0] ^= 1;
        await File.WriteAllBytesAsync(body, bytes, Token);
        var database = NewDatabase();
        var moved = await MigrateAsync(ExitCodes.Failed, "--data", server.DataDirectory, "--to-data", home.Combine("b"), "--to-database", database);
        Assert.True(moved.GetProperty("finished").GetBoolean());
        Assert.Equal(digest, moved.GetProperty("damaged")[0].GetString());
        await using var second = await LongshoreProcess.StartAsync(new LongshoreOptions { DataDirectory = home.Combine("b"), Arguments = ["--database", database] }, Token);
        using var reader = await LoginAsync(second);
        await reader.VerifyImageAsync("team/app", good, "good", Token);
    }

    [Fact]
    public async Task A_run_after_a_kill_behind_the_cut_ends_well()
    {
        TestDatabases.RequireSqlite("names its databases itself");
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = Hasty }, Token);
        using var oci = await LoginAsync(server);
        await oci.PushImageAsync("team/app", TestImage.Create(1, 50_000), "one", Token);
        await server.StopAsync(Token);
        string[] move = ["--data", server.DataDirectory, "--to-data", home.Combine("b")];
        await MigrateAsync(ExitCodes.Done, move);

        // The notes as the cut leaves them, before the source's log goes and the foreign keys are looked at.
        await using (var source = SqliteDatabase.OpenForCopying(Path.Combine(server.DataDirectory, ServerComposition.DatabaseFile), create: false))
        await using (var target = SqliteDatabase.OpenForCopying(home.Combine("b/" + ServerComposition.DatabaseFile), create: false))
        {
            var id = await new ChangeLog(source).FindAsync(Token);
            await target.WriteAsync(
                Durability.Synced,
                async session =>
                {
                    await session.ExecuteAsync("CREATE TABLE migrate_state (name TEXT PRIMARY KEY, value TEXT NOT NULL)");
                    return await session.ExecuteAsync("INSERT INTO migrate_state (name, value) VALUES ('source', @id), ('finished', 'yes')", ("@id", id!));
                },
                Token);
        }

        var again = await MigrateAsync(ExitCodes.Done, move);
        Assert.True(again.GetProperty("finished").GetBoolean());
        Assert.Equal(0, again.GetProperty("findings").GetInt32());
        Assert.Contains("has moved", (await TryAsync(["migrate", .. move])).StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_move_that_would_lose_or_overwrite_keys_is_refused_before_it_begins()
    {
        TestDatabases.RequireSqlite("names its databases itself");
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = Hasty }, Token);
        await server.StopAsync(Token);
        var (data, other) = (server.DataDirectory, home.Combine("other.key"));
        await File.WriteAllTextAsync(other, "1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", Token);
        var overwritten = await TryAsync("migrate", "--data", data, "--to-database", NewDatabase(), "--to-key-file", other);
        Assert.Equal(ExitCodes.Failed, overwritten.ExitCode);
        Assert.Contains("holds other keys", overwritten.StandardError, StringComparison.Ordinal);
        Assert.StartsWith("1 AAAA", await File.ReadAllTextAsync(other, Token), StringComparison.Ordinal);
        var nowhere = await TryAsync("migrate", "--data", data, "--to-data", home.Combine("b"), "--to-key-file", home.Combine("no/where.key"));
        Assert.Contains("there is no directory", nowhere.StandardError, StringComparison.Ordinal);
        File.Move(Path.Combine(data, "sealing.key"), home.Combine("elsewhere.key"));
        Assert.Contains("there is no key file", (await TryAsync("migrate", "--data", data, "--to-data", home.Combine("b"))).StandardError, StringComparison.Ordinal);
        await MigrateAsync(ExitCodes.Done, "--data", data, "--key-file", home.Combine("elsewhere.key"), "--to-data", home.Combine("b"));
        Assert.True(File.Exists(home.Combine("b/sealing.key")));
    }

    [Fact]
    public async Task A_backup_made_during_a_move_holds_nothing_of_the_move()
    {
        TestDatabases.RequireSqlite("names its databases itself");
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = Hasty }, Token);
        using var oci = await LoginAsync(server);
        await oci.PushImageAsync("team/app", TestImage.Create(1, 50_000), "one", Token);
        await MigrateAsync(ExitCodes.DataDirectoryTaken, "--data", server.DataDirectory, "--to-data", home.Combine("b"));
        await CommandRunner.RunAsync(LongshoreProcess.BinaryPath(), ["backup", "--data", server.DataDirectory, "--to", home.Combine("backup")], Token);
        await CommandRunner.RunAsync(LongshoreProcess.BinaryPath(), ["restore", "--from", home.Combine("backup"), "--data", home.Combine("r")], Token);
        await using var restored = SqliteDatabase.OpenForReading(home.Combine("r/" + ServerComposition.DatabaseFile));
        Assert.Empty(await restored.ReadAsync(static session => session.QueryAsync("SELECT name FROM sqlite_master WHERE name LIKE 'migrate%'", static row => row.GetString(0)), Token));
    }

    private async Task ThereAndBackAsync(string[] blobs)
    {
        TestDatabases.RequireSqlite("names its databases itself");
        var kept = new ConcurrentDictionary<string, TestManifest>(StringComparer.Ordinal);
        var gone = new ConcurrentDictionary<string, bool>(StringComparer.Ordinal);
        await using var first = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = Hasty, Environment = S3Gateway.Environment }, Token);
        using var firstEcr = Ecr(first);
        var (user, password) = await firstEcr.GetLoginAsync(Token);
        using var login = new OciClient(first.BaseAddress, user, password);
        for (var i = 0; i < 40; i++) await PushAsync(login, kept, i, 200_000);
        await ArchiveAsync(first, kept["t3"]);
        kept.TryRemove("t3", out var archived);

        var database = NewDatabase();
        var (dataB, dataC) = (home.Combine("b"), home.Combine("c"));
        string[] move = ["--data", first.DataDirectory, "--to-data", dataB, "--to-database", database, .. blobs.Select(static argument => argument == "--blobs" ? "--to-blobs" : argument)];
        var cut = await MoveUnderLoadAsync(first, login, move, kept, gone, 100);
        Assert.InRange(cut, 0, 30);
        Assert.True(File.Exists(Path.Combine(dataB, "sealing.key")));

        await using (var second = await LongshoreProcess.StartAsync(new LongshoreOptions { DataDirectory = dataB, Arguments = [.. Hasty, "--database", database, .. blobs], Environment = S3Gateway.Environment }, Token))
        {
            // A token of the old server is good at the new one: what seals it came along.
            using var old = new OciClient(second.BaseAddress, user, password);
            await CheckAsync(old, kept, gone);
            await ArchivedComesBackAsync(second, archived!);
            using var own = await LoginAsync(second);
            for (var i = 0; i < 10; i++) await PushAsync(own, kept, 50 + i, 10_000);
            await VerifyTrailAsync(dataB, database);
            string[] back = ["--data", dataB, "--database", database, .. blobs, "--to-data", dataC];
            await MoveUnderLoadAsync(second, own, back, kept, gone, 5000);
        }

        await using var third = await LongshoreProcess.StartAsync(new LongshoreOptions { DataDirectory = dataC, Arguments = Hasty }, Token);
        using var last = await LoginAsync(third);
        await CheckAsync(last, kept, gone);
        await PushAsync(last, kept, 60, 10_000);
        await VerifyTrailAsync(dataC, null);
        var verified = await CommandRunner.RunAsync(LongshoreProcess.BinaryPath(), ["verify", "--data", dataC, "--json"], Token);
        Assert.Contains("\"findings\"", verified.StandardOutput, StringComparison.Ordinal);
    }

    /// <summary>A first run that is killed, one that ends with the source serving, and one that follows and makes the cut when the server is killed.</summary>
    private static async Task<double> MoveUnderLoadAsync(
        LongshoreProcess server, OciClient oci, string[] move, ConcurrentDictionary<string, TestManifest> kept, ConcurrentDictionary<string, bool> gone, int seed)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Token);
        // The gateway of tests takes a few bodies a second; who pushes faster than a copy goes is never caught up with.
        var pause = move.Any(static argument => argument.StartsWith("s3://", StringComparison.Ordinal)) ? TimeSpan.FromSeconds(1) : TimeSpan.Zero;
        var load = Enumerable.Range(0, 3).Select(worker => Task.Run(() => LoadAsync(oci, kept, gone, seed + (worker * 1000), pause, end.Token), Token)).ToList();
        for (var wait = 200; wait <= 1200; wait += 500)
        {
            using var killed = Start(move);
            await Task.Delay(TimeSpan.FromMilliseconds(wait), TimeProvider.System, Token);
            killed.Kill();
            await killed.WaitForExitAsync(Token);
        }

        var copied = await MigrateAsync(ExitCodes.DataDirectoryTaken, move);
        Assert.False(copied.GetProperty("finished").GetBoolean());
        using var following = Start([.. move, "--follow", "--json"]);
        var answer = following.StandardOutput.ReadToEndAsync(Token);
        var sentences = new List<string>();
        while (await following.StandardError.ReadLineAsync(Token) is { } line)
        {
            sentences.Add(line);
            if (!line.Contains("stop every server", StringComparison.Ordinal)) continue;
            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, Token);
            await end.CancelAsync();
            await Task.WhenAll(load);
            await server.KillAsync();
        }

        await following.WaitForExitAsync(Token);
        Assert.True(following.ExitCode == ExitCodes.Done, string.Join('\n', sentences) + await answer);
        var json = JsonDocument.Parse(await answer).RootElement;
        Assert.True(json.GetProperty("changes").GetInt32() > 0);
        Assert.Equal(0, json.GetProperty("findings").GetInt32());
        return json.GetProperty("cutSeconds").GetDouble();
    }

    private static async Task PushAsync(OciClient oci, ConcurrentDictionary<string, TestManifest> kept, int seed, int size)
    {
        var image = TestImage.Create(seed, size, size / 2);
        await oci.PushImageAsync("kept/images", image, $"t{seed}", Token);
        kept[$"t{seed}"] = image;
    }

    /// <summary>Images that come; most go again, so that bodies are collected all the time.</summary>
    private static async Task LoadAsync(OciClient oci, ConcurrentDictionary<string, TestManifest> kept, ConcurrentDictionary<string, bool> gone, int seed, TimeSpan pause, CancellationToken end)
    {
        for (var i = 0; !end.IsCancellationRequested; i++)
        {
            await Task.Delay(pause, TimeProvider.System, Token);
            var image = TestImage.Create(seed + i, 20_000);
            await oci.PushImageAsync("kept/images", image, $"t{seed + i}", Token);
            if (i % 4 == 0)
            {
                kept[$"t{seed + i}"] = image;
                continue;
            }

            await oci.DeleteManifestAsync("kept/images", image.Digest, Token);
            gone[image.Digest] = true;
        }
    }

    private static async Task CheckAsync(OciClient oci, ConcurrentDictionary<string, TestManifest> kept, ConcurrentDictionary<string, bool> gone)
    {
        foreach (var (tag, image) in kept) await oci.VerifyImageAsync("kept/images", image, tag, Token);
        foreach (var digest in gone.Keys) Assert.Equal(HttpStatusCode.NotFound, (await oci.GetManifestAsync("kept/images", digest, Token)).Status);
    }

    private static async Task ArchiveAsync(LongshoreProcess server, TestManifest image)
    {
        using var ecr = Ecr(server);
        await ecr.InvokeAsync("UpdateImageStorageClass", $$$"""{"repositoryName":"kept/images","imageId":{"imageDigest":"{{{image.Digest}}}"},"targetStorageClass":"ARCHIVE"}""", Token);
    }

    private static async Task ArchivedComesBackAsync(LongshoreProcess server, TestManifest image)
    {
        using var ecr = Ecr(server);
        await ecr.InvokeAsync("UpdateImageStorageClass", $$$"""{"repositoryName":"kept/images","imageId":{"imageDigest":"{{{image.Digest}}}"},"targetStorageClass":"STANDARD"}""", Token);
        using var oci = await LoginAsync(server);
        for (var attempt = 0; (await oci.GetManifestAsync("kept/images", image.Digest, Token)).Status != HttpStatusCode.OK && attempt < 200; attempt++)
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Token);
        await oci.VerifyImageAsync("kept/images", image, image.Digest, Token);
    }

    private static async Task VerifyTrailAsync(string data, string? database)
    {
        string[] more = database is null ? [] : ["--database", database];
        await CommandRunner.RunAsync(LongshoreProcess.BinaryPath(), ["trail", "verify", "--data", data, .. more], Token);
    }

    private static EcrClient Ecr(LongshoreProcess server) => new(server.BaseAddress, server.Options.AccessKeyId, server.Options.SecretAccessKey);

    private static async Task<OciClient> LoginAsync(LongshoreProcess server)
    {
        using var ecr = Ecr(server);
        var (user, password) = await ecr.GetLoginAsync(Token);
        return new OciClient(server.BaseAddress, user, password);
    }

    private string NewDatabase()
    {
        var url = TestPostgres.CreateEmptyDatabase();
        urls.Add(url);
        return url;
    }

    private static Process Start(string[] arguments)
    {
        var start = new ProcessStartInfo(LongshoreProcess.BinaryPath(), ["migrate", .. arguments]) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var (name, value) in S3Gateway.Environment) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    private static async Task<JsonElement> MigrateAsync(int exit, params string[] arguments)
    {
        var result = await TryAsync(["migrate", .. arguments, "--json"]);
        Assert.True(result.ExitCode == exit, result.ToString());
        return JsonDocument.Parse(result.StandardOutput).RootElement;
    }

    private static Task<CommandResult> TryAsync(params string[] arguments) => CommandRunner.TryRunAsync(LongshoreProcess.BinaryPath(), arguments, Token, S3Gateway.Environment);
}

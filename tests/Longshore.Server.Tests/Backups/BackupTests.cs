using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using Longshore.Server.Content.Collection;
using Longshore.Server.Hosting;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Backups;

/// <summary>Backup and restore by the binary, beside a real server that pushes, deletes and collects meanwhile.</summary>
public sealed class BackupTests
{
    private static readonly string[] Hasty = ["--create-on-push", "--blob-lease", "60s", "--gc-grace", "1s", "--gc-interval", "1s"];

    public BackupTests() => TestDatabases.RequireSqlite("PostgreSQL has its own backup");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_backup_under_load_has_every_image_that_was_acknowledged_before_it()
    {
        using var home = new TemporaryDirectory("backup");
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = Hasty }, Token);
        using var oci = await LoginAsync(server);
        var kept = new ConcurrentDictionary<string, TestManifest>();
        for (var i = 0; i < 30; i++) await PushAsync(oci, kept, i);

        using var end = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var load = Enumerable.Range(0, 3).Select(worker => Task.Run(() => LoadAsync(oci, worker, end.Token), Token)).ToList();
        var backup = home.Combine("backup");
        for (var round = 0; round < 4; round++)
        {
            var acknowledged = kept.ToArray();
            await RunAsync("backup", "--data", server.DataDirectory, "--to", backup, "--with-keys");
            await RunAsync("backup", "verify", backup);
            var data = home.Combine($"restored-{round}");
            var restored = await RunAsync("restore", "--from", backup, "--data", data);
            Assert.Contains("every blob and every reference is whole", restored.StandardError, StringComparison.Ordinal);
            await using var second = await LongshoreProcess.StartAsync(new LongshoreOptions { DataDirectory = data }, Token);
            using var reader = await LoginAsync(second);
            foreach (var (tag, image) in acknowledged) await reader.VerifyImageAsync("kept/images", image, tag, Token);
            await PushAsync(oci, kept, 1000 + round);
        }

        await end.CancelAsync();
        await Task.WhenAll(load);
    }

    [Fact]
    public async Task A_second_backup_copies_only_what_is_new_and_drops_what_is_gone()
    {
        using var home = new TemporaryDirectory("backup");
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = Hasty }, Token);
        using var oci = await LoginAsync(server);
        var first = TestImage.Create(1, 100_000);
        await oci.PushImageAsync("team/app", first, "one", Token);
        await oci.PushImageAsync("team/app", TestImage.Create(2, 50_000), "two", Token);
        Assert.Equal((4, 0), await BackUpAsync());
        await oci.PushImageAsync("team/app", TestImage.Create(3, 20_000), "three", Token);
        Assert.Equal((2, 0), await BackUpAsync());
        Assert.Equal((0, 0), await BackUpAsync());
        await oci.DeleteManifestAsync("team/app", first.Digest, Token);
        for (var removed = 0; removed == 0; await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, Token)) removed = (await BackUpAsync()).Removed;
        await RunAsync("backup", "verify", home.Combine("b"));
        Assert.Single(Directory.GetDirectories(home.Combine("b/sets")));

        async Task<(int Copied, int Removed)> BackUpAsync()
        {
            var answer = JsonDocument.Parse((await RunAsync("backup", "--data", server.DataDirectory, "--to", home.Combine("b"), "--json")).StandardOutput).RootElement;
            return (answer.GetProperty("copiedBlobs").GetInt32(), answer.GetProperty("removedBlobs").GetInt32());
        }
    }

    [Fact]
    public async Task A_backup_that_was_killed_is_none_until_it_has_gone_on_and_a_killed_server_harms_none()
    {
        using var home = new TemporaryDirectory("backup");
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = Hasty }, Token);
        using var oci = await LoginAsync(server);
        for (var i = 0; i < 40; i++) await oci.PushImageAsync("team/app", TestImage.Create(i, 300_000), $"t{i}", Token);
        var backup = home.Combine("b");
        using (var process = Process.Start(new ProcessStartInfo(LongshoreProcess.BinaryPath(), ["backup", "--data", server.DataDirectory, "--to", backup]) { RedirectStandardError = true, RedirectStandardOutput = true })!)
        {
            while (!process.HasExited && !(Directory.Exists(backup + "/blobs/sha256") && Directory.EnumerateFileSystemEntries(backup + "/blobs/sha256").Any())) await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, Token);
            process.Kill();
            await process.WaitForExitAsync(Token);
        }

        if (!File.Exists(backup + "/backup.json"))
        {
            Assert.Equal(ExitCodes.Failed, (await TryAsync("backup", "verify", backup)).ExitCode);
            Assert.Equal(ExitCodes.Failed, (await TryAsync("restore", "--from", backup, "--data", home.Combine("r"))).ExitCode);
        }

        var running = RunAsync("backup", "--data", server.DataDirectory, "--to", backup);
        await server.KillAsync();
        await running;
        await RunAsync("backup", "verify", backup);
        await RunAsync("restore", "--from", backup, "--data", home.Combine("r"));
    }

    [Fact]
    public async Task Restore_takes_only_new_directories_and_whole_backups()
    {
        using var home = new TemporaryDirectory("backup");
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = Hasty }, Token);
        using var oci = await LoginAsync(server);
        await oci.PushImageAsync("team/app", TestImage.Create(1, 1000), "one", Token);
        var file = home.Combine("b.tar");
        Assert.Contains("NOT in this backup", (await RunAsync("backup", "--data", server.DataDirectory, "--to", file)).StandardError, StringComparison.Ordinal);
        await RunAsync("backup", "verify", file);
        var refused = await TryAsync("restore", "--from", file, "--data", server.DataDirectory);
        Assert.Equal(ExitCodes.Failed, refused.ExitCode);
        Assert.Contains("is not empty", refused.StandardError, StringComparison.Ordinal);
        Assert.Contains("LEFT TO DO", (await RunAsync("restore", "--from", file, "--data", home.Combine("r"))).StandardError, StringComparison.Ordinal);
        Assert.False(File.Exists(home.Combine("r/sealing.key")));

        // A target that holds something else, or lies in the registry, is left alone.
        Directory.CreateDirectory(home.Combine("other"));
        await File.WriteAllTextAsync(home.Combine("other/file"), "", Token);
        Assert.Equal(ExitCodes.Failed, (await TryAsync("backup", "--data", server.DataDirectory, "--to", home.Combine("other"))).ExitCode);
        Assert.Equal(ExitCodes.Failed, (await TryAsync("backup", "--data", server.DataDirectory, "--to", Path.Combine(server.DataDirectory, "b"))).ExitCode);

        // One bit.
        await RunAsync("backup", "--data", server.DataDirectory, "--to", home.Combine("d"));
        var body = Directory.EnumerateFiles(home.Combine("d/blobs/sha256"), "*", SearchOption.AllDirectories).First();
        var bytes = await File.ReadAllBytesAsync(body, Token);
        bytes[0] ^= 1;
        await File.WriteAllBytesAsync(body, bytes, Token);
        Assert.Equal(ExitCodes.Failed, (await TryAsync("backup", "verify", home.Combine("d"))).ExitCode);
        Assert.Equal(ExitCodes.Failed, (await TryAsync("restore", "--from", home.Combine("d"), "--data", home.Combine("r2"))).ExitCode);
    }

    [Fact]
    public void While_a_backup_holds_the_bodies_the_collector_waits_and_the_other_way_round()
    {
        using var home = new TemporaryDirectory("hold");
        var path = home.Combine(BodyHold.FileName);
        using (BodyHold.TryTake(path))
        {
            Assert.Null(BodyHold.TryShare(path));
            Assert.Null(BodyHold.TryTake(path));
        }

        using (BodyHold.TryShare(path))
        using (var second = BodyHold.TryShare(path))
        {
            Assert.NotNull(second);
            Assert.Null(BodyHold.TryTake(path));
        }
    }

    [Fact]
    public async Task While_a_backup_holds_the_bodies_no_repair_removes_any()
    {
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = Hasty }, Token);
        await server.StopAsync(Token);
        using (BodyHold.TryTake(Path.Combine(server.DataDirectory, BodyHold.FileName)))
        {
            var refused = await TryAsync("verify", "--repair", "--data", server.DataDirectory);
            Assert.Equal(ExitCodes.Failed, refused.ExitCode);
            Assert.Contains("a backup of", refused.StandardError, StringComparison.Ordinal);
            await RunAsync("verify", "--data", server.DataDirectory);
        }

        await RunAsync("verify", "--repair", "--data", server.DataDirectory);
    }

    private static async Task PushAsync(OciClient oci, ConcurrentDictionary<string, TestManifest> kept, int seed)
    {
        var image = TestImage.Create(seed, 20_000, 40_000);
        await oci.PushImageAsync("kept/images", image, $"t{seed}", Token);
        kept[$"t{seed}"] = image;
    }

    /// <summary>Images that come and go, so that bodies are collected all the time.</summary>
    private static async Task LoadAsync(OciClient oci, int worker, CancellationToken end)
    {
        try
        {
            for (var i = 0; !end.IsCancellationRequested; i++)
            {
                var image = TestImage.Create(100_000 + (worker * 10_000) + i, 30_000);
                await oci.PushImageAsync($"load/w{worker}", image, $"t{i % 5}", end);
                await oci.DeleteManifestAsync($"load/w{worker}", image.Digest, end);
            }
        }
        catch (OperationCanceledException)
        {
            // Enough.
        }
    }

    private static async Task<OciClient> LoginAsync(LongshoreProcess server)
    {
        using var ecr = new EcrClient(server.BaseAddress, server.Options.AccessKeyId, server.Options.SecretAccessKey);
        var (user, password) = await ecr.GetLoginAsync(Token);
        return new OciClient(server.BaseAddress, user, password);
    }

    private static Task<CommandResult> RunAsync(params string[] arguments) => CommandRunner.RunAsync(LongshoreProcess.BinaryPath(), arguments, Token);

    private static Task<CommandResult> TryAsync(params string[] arguments) => CommandRunner.TryRunAsync(LongshoreProcess.BinaryPath(), arguments, Token);
}

using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Server.Content.Events;
using Longshore.Server.Trail;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Processes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Longshore.Server.Tests.Trail;

/// <summary>A trail over files of its own, without a server around it: written, closed, tampered with, verified.</summary>
internal sealed class TrailFiles : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new("trail");
    private IDatabase? _database;

    public TrailService? Service { get; private set; }

    public string Path => _directory.Combine("trail");

    public TrailDirectory Directory => new(Path);

    public TrailKeys Keys { get; private set; } = null!;

    public static async Task<TrailFiles> OpenAsync(int segmentSize = 128 * 1024, TimeSpan? retention = null)
    {
        var files = new TrailFiles();
        await files.StartAsync(segmentSize, retention);
        return files;
    }

    public async Task StartAsync(int segmentSize = 128 * 1024, TimeSpan? retention = null)
    {
        _database ??= TestDatabases.Open(_directory.Path);
        var keys = new ServerKeys(_database, new KeyFile(_directory.Combine("sealing.key")), NullLogger<ServerKeys>.Instance);
        Assert.Null(await keys.LoadAsync(CancellationToken.None));
        Keys = new TrailKeys(keys);
        var options = new TrailOptions
        {
            Directory = Path,
            SegmentSize = segmentSize,
            Retention = retention ?? TimeSpan.FromDays(90),
            DefaultRegistry = new RegistryId("123456789012", "us-east-1"),
        };
        Service = new TrailService(options, keys, _database, TimeProvider.System, NullLoggerFactory.Instance);
        await Service.StartAsync(CancellationToken.None);
    }

    /// <summary>Writes records of calls, some of them begun and ended, until so many segments are sealed.</summary>
    public async Task<int> FillAsync(int segments)
    {
        var written = 0;
        var last = (Directory.Segments() is { Count: > 0 } all ? all[^1] : 1) + segments;
        while (Service!.Tail.Number < last)
        {
            var at = Service.Now;
            var pad = new string('x', 400);
            if (written % 3 == 0)
            {
                var begun = await Service.Log.BeginAsync(Payload(TrailLine.Begin, at, written, pad), at, written % 30 == 0 ? TrailPromise.Synced : TrailPromise.Later, CancellationToken.None);
                Assert.NotNull(begun);
                await begun.Value.Kept;
                await Service.Log.AppendAsync(Payload(TrailLine.End, at, written, pad, begun.Value.Sequence), at, begun.Value.Sequence);
            }
            else
            {
                await Service.Log.AppendAsync(Payload(TrailLine.Plain, at, written, pad), at, 0);
            }

            if (++written % 100 == 0) await Service.Log.FlushAsync(sync: true, CancellationToken.None);
        }

        await Service.Log.FlushAsync(sync: true, CancellationToken.None);
        return written;
    }

    public async Task StopAsync()
    {
        await Service!.StopAsync(CancellationToken.None);
        Service.Dispose();
        Service = null;
    }

    /// <summary>Events of the service itself, of so many bytes each, as a run of lifecycle policies leaves them in the database.</summary>
    public async Task AddServiceEventsAsync(int count, int size)
    {
        var record = $$$"""{"serviceEventDetails":{"repositoryName":"team/app","pad":"{{{new string('x', size)}}}"}}""";
        await _database!.WriteAsync(
            Durability.Relaxed,
            async session =>
            {
                for (var i = 0; i < count; i++) await AuditRows.InsertAsync(session, new RegistryId("123456789012", "us-east-1"), "PolicyExecutionEvent", TimeProvider.System.GetUtcNow(), record);
                return count;
            },
            CancellationToken.None);
    }

    /// <summary>What verification says of the closed trail.</summary>
    public async Task<List<TrailFinding>> VerifyAsync()
    {
        var findings = new List<TrailFinding>();
        var head = await TrailVerifier.ReadHeadAsync(_database!, TrailOptions.DefaultHeadSetting, CancellationToken.None);
        new TrailVerifier(Directory, Keys, findings.Add, static _ => { }).Run(null, head, CancellationToken.None);
        return findings;
    }

    /// <summary>The lines of a segment.</summary>
    public List<string> Lines(long number)
    {
        using var reader = new StreamReader(Directory.OpenRead(number)!);
        return [.. reader.ReadToEnd().TrimEnd('\0').Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }

    public void WriteLines(long number, IEnumerable<string> lines) => File.WriteAllText(Directory.PathOf(number), string.Concat(lines.Select(static line => line + "\n")));

    public async ValueTask DisposeAsync()
    {
        if (Service is not null) await StopAsync();
        if (_database is not null) await _database.DisposeAsync();
        _directory.Dispose();
    }

    public static byte[] Payload(char kind, long at, int number, string pad, long begun = 0) => System.Text.Encoding.UTF8.GetBytes(
        $$"""{"k":"{{kind}}","t":{{at}},{{(begun == 0 ? "" : $"\"b\":{begun},")}}"n":"{{(number % 3 == 0 ? "PutImage" : "BatchGetImage")}}",{{(number % 3 == 0 ? "\"w\":1," : "")}}"a":"123456789012","g":"us-east-1","ip":"10.0.0.{{number % 200}}","r":"team/r{{number % 50}}","tag":"t{{number}}","st":200,"ua":"{{pad}}"}""");
}

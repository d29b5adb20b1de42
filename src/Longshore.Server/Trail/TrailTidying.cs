using System.Collections.Concurrent;
using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Trail;

/// <summary>
/// Beside the writer: notes seals in the database, takes over service events, compresses sealed segments with their summaries when the server is
/// not busy, and removes what is older than it need be kept. None of it may hold up the writer, which never waits for it.
/// </summary>
internal sealed class TrailTidying(
    TrailOptions options, TrailDirectory directory, TrailIndex index, TrailKeys keys, IDatabase database, ServiceEvents events, Func<long> current, TimeProvider time, ILogger logger) : TrailLoop
{
    // Compressing waits while segments fill faster than this, unless so many wait that disk matters more.
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RetentionInterval = TimeSpan.FromMinutes(10);
    private const int MostWaiting = 32;

    private readonly ConcurrentQueue<TrailSegmentInfo> sealedSegments = new();
    private TrailSegmentInfo? head;
    private long sealedAt;
    private bool warned;
    private long begun;
    private long? retained;

    /// <summary>A segment was sealed.</summary>
    public void Sealed(TrailSegmentInfo info)
    {
        index.Add(info);
        sealedSegments.Enqueue(info);
        sealedAt = time.GetTimestamp();
        Wake();
    }

    /// <summary>What the row of the last seal holds.</summary>
    public static string HeadText(TrailSegmentInfo info) => string.Create(CultureInfo.InvariantCulture, $"{info.Number} {info.LastSequence} {info.Chain}");

    /// <inheritdoc/>
    protected override async ValueTask StepAsync(CancellationToken stopping)
    {
        try
        {
            await NoteSealsAsync();
            await events.CopyAsync(stopping);
            CompressOne();
            if (retained is not { } last || time.GetElapsedTime(last) >= RetentionInterval)
            {
                Retain();
                await events.TrimAsync(stopping);
                retained = time.GetTimestamp();
            }

            warned = false;
        }
#pragma warning disable CA1031 // Whatever the disk or the database has against it now: it is tried again, and nothing depends on it.
        catch (Exception e) when (!(e is OperationCanceledException && stopping.IsCancellationRequested))
#pragma warning restore CA1031
        {
            if (!warned) logger.TrailNotTidied(e);
            warned = true;
        }
    }

    private async Task NoteSealsAsync()
    {
        while (sealedSegments.TryDequeue(out var info)) head = info;
        if (head is { } last) await NoteAsync(options.HeadSetting, HeadText(last));
        head = null;
        var written = current();
        if (written != begun) await NoteAsync(TrailOptions.BegunSettingOf(options.HeadSetting), written.ToString(CultureInfo.InvariantCulture));
        begun = written;
    }

    private async Task NoteAsync(string name, string value) => await database.WriteAsync(
        Durability.Relaxed,
        session => session.ExecuteAsync(
            "INSERT INTO settings (name, value) VALUES (@name, @value) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            ("@name", name),
            ("@value", Encoding.UTF8.GetBytes(value))),
        CancellationToken.None);

    private void CompressOne()
    {
        var waiting = index.All.Where(info => info.IsSealed && (File.Exists(directory.PathOf(info.Number)) || !File.Exists(directory.SummaryPathOf(info.Number)))).ToList();
        if (waiting.Count == 0 || (waiting.Count < MostWaiting && time.GetElapsedTime(sealedAt) < Quiet)) return;
        var next = waiting[0];
        Compress(next);
        if (waiting.Count > 1) Wake();
    }

    /// <summary>The summary first, the compressed file next, and the plain one goes last: a crash in between leaves one too many.</summary>
    private void Compress(TrailSegmentInfo info)
    {
        if (!File.Exists(directory.SummaryPathOf(info.Number)))
        {
            using var stream = directory.OpenRead(info.Number);
            if (stream is null) return;
            directory.Replace(directory.SummaryPathOf(info.Number), TrailSummary.Make(stream, info, keys));
        }

        var (plain, packed) = (directory.PathOf(info.Number), directory.CompressedPathOf(info.Number));
        if (!File.Exists(plain)) return;
        var temporary = packed + ".tmp";
        byte[] hash;
        using (var from = File.OpenRead(plain))
        using (var to = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
        {
            hash = SHA256.HashData(from);
            from.Position = 0;
            using (var gzip = new GZipStream(to, CompressionLevel.Fastest, leaveOpen: true)) from.CopyTo(gzip);
            to.Flush(flushToDisk: true);
        }

        using (var check = new GZipStream(File.OpenRead(temporary), CompressionMode.Decompress))
        {
            if (!SHA256.HashData(check).AsSpan().SequenceEqual(hash)) throw new IOException($"Segment {info.Number} of the trail did not come back from compression as it was.");
        }

        File.Move(temporary, packed, overwrite: true);
        Storage.Files.AppendedFiles.SyncDirectory(directory.Path);
        File.Delete(plain);
    }

    private void Retain()
    {
        var all = index.All;
        var oldest = TrailPayload.Micros(time.GetUtcNow() - options.Retention);
        var size = options.MaxSize > 0 ? all.Sum(info => directory.SizeOf(info.Number)) : 0;
        var going = new List<TrailSegmentInfo>();
        var reason = "older than they are kept";
        foreach (var info in all)
        {
            // From the oldest on, without a gap; what a crash ended without a seal goes with the next sealed one.
            var old = info.To < oldest;
            if (!old && !(options.MaxSize > 0 && size > options.MaxSize)) break;
            if (!old) reason = "more than fits in the size that was set";
            if (options.MaxSize > 0) size -= directory.SizeOf(info.Number);
            going.Add(info);
        }

        while (going.Count > 0 && !going[^1].IsSealed) going.RemoveAt(going.Count - 1);
        if (going.Count > 0)
        {
            var last = going[^1];
            var anchor = new TrailAnchor(last.Number, last.LastSequence, last.Chain ?? "", keys.CurrentId, "");
            directory.WriteAnchor(anchor with { Mac = keys.Mac(anchor.KeyId, anchor.Text)! });
            foreach (var info in going)
            {
                directory.Delete(info.Number);
                index.Remove(info.Number);
            }

            logger.SegmentsRemoved(last.Number, reason);
        }
    }
}

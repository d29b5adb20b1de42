using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Longshore.Storage.Files;

namespace Longshore.Server.Trail;

/// <summary>
/// The files of a trail: <c>segment-N.log</c> (being written, or sealed and not yet compressed), <c>segment-N.log.gz</c>, <c>segment-N.summary</c>,
/// <c>anchor</c> (what retention removed), <c>next</c> (zeros for the next segment).
/// </summary>
internal sealed class TrailDirectory(string path)
{
    private const string Prefix = "segment-";
    private const string Plain = ".log";
    private const string Compressed = ".log.gz";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>The directory.</summary>
    public string Path => path;

    /// <summary>Where the zeros of the next segment are made.</summary>
    public string NextPath => System.IO.Path.Combine(path, "next");

    /// <summary>Whether there is one.</summary>
    public bool Exists => Directory.Exists(path);

    /// <summary>The file that tells what retention removed.</summary>
    public string AnchorPath => System.IO.Path.Combine(path, "anchor");

    /// <summary>Creates the directory, for its owner alone.</summary>
    public void Create() => Directory.CreateDirectory(path, OwnerOnly);

    /// <summary>The file of a segment as it is written.</summary>
    public string PathOf(long number) => System.IO.Path.Combine(path, TrailLine.FileName(number));

    /// <summary>The file of a compressed segment.</summary>
    public string CompressedPathOf(long number) => PathOf(number) + ".gz";

    /// <summary>The file of a segment's summary.</summary>
    public string SummaryPathOf(long number) => System.IO.Path.Combine(path, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{number:D10}.summary"));

    /// <summary>The numbers of all segments, ascending.</summary>
    public List<long> Segments()
    {
        var numbers = new SortedSet<long>();
        foreach (var file in Directory.EnumerateFiles(path, Prefix + "*"))
        {
            var name = System.IO.Path.GetFileName(file);
            var end = name.EndsWith(Compressed, StringComparison.Ordinal) ? Compressed.Length : name.EndsWith(Plain, StringComparison.Ordinal) ? Plain.Length : 0;
            if (end > 0 && long.TryParse(name.AsSpan(Prefix.Length, name.Length - Prefix.Length - end), NumberStyles.None, CultureInfo.InvariantCulture, out var number)) numbers.Add(number);
        }

        return [.. numbers];
    }

    /// <summary>Bytes of a segment's files.</summary>
    public long SizeOf(long number) => new[] { PathOf(number), CompressedPathOf(number), SummaryPathOf(number) }.Where(File.Exists).Sum(static file => new FileInfo(file).Length);

    /// <summary>Opens a segment for reading, compressed or not. Null when it is not there.</summary>
    public Stream? OpenRead(long number)
    {
        // Compressing makes the one file before it removes the other.
        for (var attempt = 0; attempt < 3; attempt++)
        {
            try
            {
                return new FileStream(PathOf(number), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1, FileOptions.SequentialScan);
            }
            catch (FileNotFoundException)
            {
                try
                {
                    return new GZipStream(new FileStream(CompressedPathOf(number), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 64 * 1024), CompressionMode.Decompress);
                }
                catch (FileNotFoundException)
                {
                    // Renamed in between; looked for once more.
                }
            }
        }

        return null;
    }

    /// <summary>Removes a segment.</summary>
    public void Delete(long number)
    {
        File.Delete(PathOf(number));
        File.Delete(CompressedPathOf(number));
        File.Delete(SummaryPathOf(number));
    }

    /// <summary>Replaces a small file, durably: all of it or nothing.</summary>
    public void Replace(string file, ReadOnlySpan<byte> content)
    {
        var temporary = file + ".tmp";
        using (var handle = File.OpenHandle(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            File.SetUnixFileMode(handle, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            RandomAccess.Write(handle, content, 0);
            AppendedFiles.SyncData(handle);
        }

        File.Move(temporary, file, overwrite: true);
        AppendedFiles.SyncDirectory(path);
    }

    /// <summary>What retention removed; null when it removed nothing yet.</summary>
    public TrailAnchor? ReadAnchor()
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(AnchorPath));
            var root = document.RootElement;
            return new TrailAnchor(
                root.GetProperty("segment").GetInt64(), root.GetProperty("last").GetInt64(), root.GetProperty("chain").GetString()!, root.GetProperty("key").GetUInt32(), root.GetProperty("mac").GetString()!);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return new TrailAnchor(0, 0, "", 0, "");
        }
    }

    /// <summary>Notes what retention is about to remove.</summary>
    public void WriteAnchor(TrailAnchor anchor) => Replace(
        AnchorPath,
        Encoding.UTF8.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $$"""{"segment":{{anchor.Segment}},"last":{{anchor.LastSequence}},"chain":"{{anchor.Chain}}","key":{{anchor.KeyId}},"mac":"{{anchor.Mac}}"}""")));
}

/// <summary>The end of what retention removed: the chain goes on from there.</summary>
/// <param name="Segment">The last removed segment.</param>
/// <param name="LastSequence">The number of its last record.</param>
/// <param name="Chain">The hash of its last line.</param>
/// <param name="KeyId">The key of <paramref name="Mac"/>.</param>
/// <param name="Mac">Authenticates the others.</param>
internal sealed record TrailAnchor(long Segment, long LastSequence, string Chain, uint KeyId, string Mac)
{
    /// <summary>What is authenticated.</summary>
    public string Text => string.Create(CultureInfo.InvariantCulture, $"anchor {Segment} {LastSequence} {Chain}");
}

using Longshore.Server.Trail;

namespace Longshore.Server.Backups;

/// <summary>Copies a trail while it is written: sealed segments whole, the open one up to the end of its last whole record.</summary>
internal static class TrailCopy
{
    /// <summary>Copies all of it.</summary>
    /// <param name="from">The trail's directory; it need not exist.</param>
    /// <param name="to">A new directory.</param>
    /// <param name="earlier">The trail of an earlier backup beside it, whose compressed segments are taken by another name; or null.</param>
    /// <param name="cancellationToken">Ends it between two files.</param>
    public static void Run(string from, string to, string? earlier, CancellationToken cancellationToken)
    {
        var source = new TrailDirectory(from);
        if (!source.Exists) return;
        var target = new TrailDirectory(to);
        target.Create();
        foreach (var number in source.Segments())
        {
            cancellationToken.ThrowIfCancellationRequested();
            // Compressing makes the one before it removes the other; retention may have removed both: then the anchor tells of it.
            for (var attempt = 0; attempt < 2 && !TryCopySealed(number) && !TryCopyPlain(number); attempt++)
            {
            }

            TryCopy(source.SummaryPathOf(number), target.SummaryPathOf(number));
        }

        TryCopy(source.AnchorPath, target.AnchorPath);

        bool TryCopySealed(long number)
        {
            var (path, copy) = (source.CompressedPathOf(number), target.CompressedPathOf(number));
            var known = earlier is null ? null : new TrailDirectory(earlier).CompressedPathOf(number);
            var (now, then) = (new FileInfo(path), known is null ? null : new FileInfo(known));
            if (!now.Exists) return false;
            return (then is { Exists: true } && then.Length == now.Length && Storage.Blobs.DurableFiles.TryLink(known!, copy)) || TryCopy(path, copy);
        }

        bool TryCopyPlain(long number)
        {
            var copy = target.PathOf(number);
            if (!TryCopy(source.PathOf(number), copy)) return false;
            using var file = new FileStream(copy, FileMode.Open, FileAccess.ReadWrite);
            var good = TrailRecovery.GoodLength(new FileStream(copy, FileMode.Open, FileAccess.Read, FileShare.ReadWrite), number);
            // What is behind the last whole record are zeros, or a record that was being written.
            file.SetLength(good);
            file.Flush(flushToDisk: true);
            return true;
        }
    }

    /// <summary>Copies a small file in one step: under its name there is what was there before, or all of it. False when there is nothing to copy.</summary>
    public static bool TryCopyWhole(string from, string to)
    {
        var temporary = to + ".copying";
        if (!TryCopy(from, temporary)) return false;
        File.Move(temporary, to, overwrite: true);
        Storage.Blobs.DurableFiles.SyncDirectory(Path.GetDirectoryName(to)!);
        return true;
    }

    /// <summary>Copies a file durably, for its owner alone; false when it is not there (any more).</summary>
    public static bool TryCopy(string from, string to)
    {
        try
        {
            using var source = new FileStream(from, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var copy = new FileStream(
                to, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, Share = FileShare.None, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
            source.CopyTo(copy);
            copy.Flush(flushToDisk: true);
            return true;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
    }
}

using Longshore.Storage.Files;

namespace Longshore.Server.Trail;

/// <summary>
/// Has the next segment ready before the writer needs it. It does nothing else and waits for nothing but the disk: whoever writes records from a
/// loop of their own waits for room here, and must not be what room waits for.
/// </summary>
internal sealed class TrailPreparation(TrailOptions options, TrailDirectory directory, TrailSegments segments, Action roomChanged) : TrailLoop
{
    private const int SmallestSegment = 128 * 1024;

    // A segment and the next one take at most this part of what is free.
    private const int ShareOfFree = 32;

    /// <summary>Makes the next segment, if there is none. True when there is now one more, or none because of the disk.</summary>
    public bool Prepare()
    {
        if (!segments.WantsPrepared) return false;
        try
        {
            var free = new DriveInfo(directory.Path).AvailableFreeSpace / ShareOfFree;
            var size = options.SegmentSize;
            while (size > free && size > SmallestSegment) size /= 2;
            AppendedFiles.CreateZeroed(directory.NextPath, size);
            segments.Offer(size);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Told by the log when it comes to calls that are refused for it.
            segments.Offer(0);
        }

        return true;
    }

    /// <inheritdoc/>
    protected override ValueTask StepAsync(CancellationToken stopping)
    {
        if (Prepare()) roomChanged();
        return ValueTask.CompletedTask;
    }
}

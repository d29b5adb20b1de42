namespace Longshore.Server.Trail;

/// <summary>
/// Reads a segment line by line. A segment that is still being written ends in zeros, or in a line without its line feed: there reading
/// ends, and <see cref="Rest"/> says whether anything but zeros lies beyond.
/// </summary>
internal sealed class TrailLines(Stream stream, long limit = long.MaxValue) : IDisposable
{
    private byte[] buffer = new byte[256 * 1024];
    private int start;
    private int end;
    private long read;
    private bool ended;

    /// <summary>Bytes of the lines read so far.</summary>
    public long Position { get; private set; }

    /// <summary>For who reads on behind a line that is wrong: whether a seal was there.</summary>
    public bool SawSeal { get; set; }

    /// <summary>The next line, without its line feed; good until the next call. False at the end.</summary>
    public bool TryRead(out ReadOnlySpan<byte> line)
    {
        while (true)
        {
            var feed = buffer.AsSpan(start, end - start).IndexOf((byte)'\n');
            if (feed >= 0)
            {
                line = buffer.AsSpan(start, feed);
                if (line.Length > 0 && line[0] == 0)
                {
                    // Zeros and then something: not a line that was written.
                    line = default;
                    return false;
                }

                start += feed + 1;
                Position += feed + 1;
                return true;
            }

            if (end - start > TrailLine.MaxLine * 4 || !Fill())
            {
                line = default;
                return false;
            }
        }
    }

    /// <summary>Bytes beyond the last line that are not zeros, up to the last such byte.</summary>
    public long Rest()
    {
        long at = 0, last = 0;
        do
        {
            for (var i = end - 1; i >= start; i--)
            {
                if (buffer[i] == 0) continue;
                last = at + (i - start) + 1;
                break;
            }

            at += end - start;
            start = end = 0;
        }
        while (Fill());
        return last;
    }

    /// <inheritdoc/>
    public void Dispose() => stream.Dispose();

    private bool Fill()
    {
        if (ended) return false;
        if (start > 0)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
        }

        if (end == buffer.Length) Array.Resize(ref buffer, buffer.Length * 2);
        var count = (int)Math.Min(buffer.Length - end, limit - read);
        count = count == 0 ? 0 : stream.Read(buffer, end, count);
        ended = count == 0;
        end += count;
        read += count;
        return count > 0;
    }
}

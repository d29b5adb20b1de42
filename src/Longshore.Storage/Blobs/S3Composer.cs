using System.Collections.Concurrent;
using Amazon.S3.Model;

namespace Longshore.Storage.Blobs;

/// <summary>
/// Makes one object of several, for uploads that came in several requests. S3 copies what is long enough for a part; shorter pieces are read and sent together with
/// what follows them, at most 8 MiB at a time in memory.
/// </summary>
internal static class S3Composer
{
    /// <summary>No part but the last may be shorter.</summary>
    public const long MinPart = 5 << 20;

    private const long MaxCopy = 1L << 30;
    private const int MaxParts = 10_000;
    private const int AtOnce = 3;

    /// <summary>Writes the bytes of all extents, in order, to an object.</summary>
    public static async Task ComposeAsync(S3Objects objects, TimeProvider time, string key, IReadOnlyList<S3Extent> sources, CancellationToken cancellationToken)
    {
        var plan = Plan(sources);
        var length = sources.Sum(static source => source.Length);
        if (plan is [{ Copied: null }])
        {
            using var all = await ReadAsync(objects, time, plan[0], cancellationToken);
            await objects.PutAsync(key, all.OpenRead, all.Length, cancellationToken);
            return;
        }

        if (plan.Count > MaxParts) throw new IOException($"An upload of {plan.Count} pieces is more than S3 puts together: {MaxParts}.");
        var multipart = await objects.BeginAsync(key, cancellationToken);
        try
        {
            var parts = new ConcurrentBag<PartETag>();
            await Parallel.ForEachAsync(
                Enumerable.Range(0, plan.Count),
                new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken },
                async (i, token) =>
                {
                    if (plan[i].Copied is { } copied)
                    {
                        parts.Add(await objects.CopyPartAsync(key, multipart, i + 1, copied.Key, copied.From, copied.Length, token));
                        return;
                    }

                    using var read = await ReadAsync(objects, time, plan[i], token);
                    parts.Add(await objects.PartAsync(key, multipart, i + 1, read.OpenRead, read.Length, token));
                });
            await objects.CompleteAsync(key, multipart, [.. parts.OrderBy(static part => part.PartNumber)], length, cancellationToken);
        }
        catch
        {
            // The record of the upload names the key, should this fail.
            await objects.TryAbortAsync(key, multipart);
            throw;
        }
    }

    /// <summary>What the parts are made of: each a copied range, or short ranges that are read.</summary>
    internal static List<S3PartPlan> Plan(IReadOnlyList<S3Extent> sources)
    {
        var plan = new List<S3PartPlan>();
        var pending = new List<S3Range>();
        var waiting = 0L;
        foreach (var source in sources)
        {
            for (var from = 0L; from < source.Length;)
            {
                var left = source.Length - from;
                if (waiting == 0 && left >= MinPart)
                {
                    var copied = Math.Min(left, MaxCopy);
                    plan.Add(new S3PartPlan(new S3Range(source.Key, from, copied), []));
                    from += copied;
                    continue;
                }

                var taken = Math.Min(left, MinPart - waiting);
                pending.Add(new S3Range(source.Key, from, taken));
                from += taken;
                waiting += taken;
                if (waiting < MinPart) continue;
                plan.Add(new S3PartPlan(null, pending));
                (pending, waiting) = ([], 0);
            }
        }

        if (waiting > 0) plan.Add(new S3PartPlan(null, pending));
        return plan;
    }

    private static async Task<S3PartBuffer> ReadAsync(S3Objects objects, TimeProvider time, S3PartPlan part, CancellationToken cancellationToken)
    {
        var all = new S3PartBuffer();
        var buffer = new byte[64 << 10];
        try
        {
            foreach (var range in part.Read)
            {
                await using var reader = S3BlobReader.OverExtents(objects, time, [new S3Extent(range.Key, 0, range.From + range.Length)], range.From + range.Length);
                for (var position = range.From; position < reader.Length;)
                {
                    var read = await reader.ReadAsync(buffer, position, cancellationToken);
                    all.Append(buffer.AsSpan(0, read));
                    position += read;
                }
            }

            return all;
        }
        catch
        {
            all.Dispose();
            throw;
        }
    }
}

/// <summary>A range of an object.</summary>
internal readonly record struct S3Range(string Key, long From, long Length);

/// <summary>One part: copied, or read from short ranges.</summary>
internal sealed record S3PartPlan(S3Range? Copied, IReadOnlyList<S3Range> Read);

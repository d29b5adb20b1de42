using System.Buffers;
using FsCheck;
using FsCheck.Fluent;
using Longshore.Core;

namespace Longshore.Storage.Tests.Blobs;

public abstract partial class BlobStoreContract
{
    private enum Act
    {
        /// <summary>Append and flush: the model's upload row moves on.</summary>
        Append,

        /// <summary>Append and forget, as a crash before the row's commit does.</summary>
        AppendAndCrash,

        /// <summary>Take the upload back to an earlier offset.</summary>
        Rewind,
        Publish,
        DeleteUpload,
        Delete,
        Quarantine,
    }

    /// <summary>How many runs; fewer where a call takes milliseconds.</summary>
    protected virtual int InterleavingsRun => 200;

    [Fact]
    public void Any_interleaving_of_calls_gives_what_the_model_has()
    {
        var step = from act in Gen.Elements(Enum.GetValues<Act>().Append(Act.Append).Append(Act.Publish))
                   from key in Gen.Choose(0, 3)
                   from size in Gen.Choose(0, 3000)
                   select new Step(act, key, size);
        var steps = step.ArrayOf().Resize(25);
        Prop.ForAll(Arb.From(steps, Shorter), run => RunAsync(run).GetAwaiter().GetResult()).Check(
            Config.QuickThrowOnFailure.WithMaxTest(InterleavingsRun).WithQuietOnSuccess(true));
    }

    private static IEnumerable<Step[]> Shorter(Step[] steps) =>
        Enumerable.Range(0, steps.Length).Select(i => steps.Where((_, at) => at != i).ToArray());

    // Starts from an empty store and leaves one, so that the next run, or a shrunk one, can follow.
    private async Task<bool> RunAsync(Step[] steps)
    {
        var uploads = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        var bodies = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        var generation = 0L;
        foreach (var (act, number, size) in steps)
        {
            var key = $"key-{number}";
            var stored = uploads.GetValueOrDefault(key);
            var some = bodies.Count == 0 ? null : bodies.Keys.ElementAt(size % bodies.Count);
            switch (act)
            {
                case Act.Append:
                    var more = Bytes(size, size);
                    await WriteUploadAsync(key, more, stored?.Length ?? 0);
                    uploads[key] = [.. stored ?? [], .. more];
                    break;
                case Act.AppendAndCrash when stored is not null:
                    await using (var writer = await Store.OpenUploadAsync(key, stored.Length, null, Token))
                        await writer.WriteAsync(new ReadOnlySequence<byte>(Bytes(size, size)), Token);
                    break;
                case Act.Rewind when stored is not null:
                    uploads[key] = stored[..(size % (stored.Length + 1))];
                    await using (await Store.OpenUploadAsync(key, uploads[key].Length, null, Token))
                    {
                    }

                    break;
                case Act.Publish when stored is not null:
                    // As callers do: open at the row's offset (which cuts), flush, publish.
                    await WriteUploadAsync(key, ReadOnlyMemory<byte>.Empty, stored.Length);
                    bodies.Add(await Store.PublishAsync(key, Digest.Compute(stored), ++generation, Token), stored);
                    uploads.Remove(key);
                    break;
                case Act.DeleteUpload:
                    await Store.DeleteUploadAsync(key, Token);
                    uploads.Remove(key);
                    break;
                case Act.Delete when some is not null:
                    if (!await Store.DeleteAsync(some, Token)) return false;
                    bodies.Remove(some);
                    break;
                case Act.Quarantine when some is not null:
                    _ = await Store.QuarantineAsync(some, Token);
                    bodies.Remove(some);
                    break;
                default:
                    break;
            }
        }

        return await HoldsAsync(uploads, bodies) && await EmptiedAsync(uploads.Keys, bodies.Keys);
    }

    private async Task<bool> HoldsAsync(SortedDictionary<string, byte[]> uploads, SortedDictionary<string, byte[]> bodies)
    {
        var listed = (await ListAsync()).OrderBy(b => b.Location, StringComparer.Ordinal).Select(b => (b.Location, b.Length));
        if (!listed.SequenceEqual(bodies.Select(b => (b.Key, (long)b.Value.Length)))) return false;
        foreach (var (location, bytes) in bodies)
            if (await ReadAllAsync(location) is not { } read || !bytes.AsSpan().SequenceEqual(read)) return false;

        var keys = (await ListUploadsAsync()).Select(u => u.UploadKey).Order(StringComparer.Ordinal);
        if (!keys.SequenceEqual(uploads.Keys)) return false;
        foreach (var (key, bytes) in uploads)
        {
            await using var reader = await Store.ReadUploadAsync(key, bytes.Length, Token);
            var read = await ReadAllAsync(reader);
            if (!bytes.AsSpan().SequenceEqual(read)) return false;
        }

        return true;
    }

    private async Task<bool> EmptiedAsync(IEnumerable<string> uploads, IEnumerable<string> bodies)
    {
        foreach (var key in uploads) await Store.DeleteUploadAsync(key, Token);
        foreach (var location in bodies)
            if (!await Store.DeleteAsync(location, Token)) return false;
        return (await ListAsync()).Count == 0 && (await ListUploadsAsync()).Count == 0;
    }

    private sealed record Step(Act Act, int Key, int Size);
}

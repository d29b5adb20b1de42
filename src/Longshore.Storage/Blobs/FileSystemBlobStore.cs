using System.Globalization;
using System.IO.Enumeration;
using Longshore.Core;
using Microsoft.Win32.SafeHandles;

namespace Longshore.Storage.Blobs;

/// <summary>
/// Bodies as files below one directory, which must be on one file system: publishing is a rename. Upload keys and locations
/// that do not have their exact form throw <see cref="ArgumentException"/>, so no path can leave the directory.
/// </summary>
/// <remarks>
/// All calls are synchronous behind their ValueTasks; those that fsync (<see cref="PublishAsync"/>,
/// <see cref="QuarantineAsync"/>) block for a commit of the file system's journal.
/// </remarks>
public sealed class FileSystemBlobStore : IMarkedStore
{
    private const FileShare Anyone = FileShare.ReadWrite | FileShare.Delete;

    private readonly BlobLayout _layout;
    private readonly TimeProvider _time;
    private readonly FileMark _mark;
    private readonly bool[] _durableFanOuts = new bool[BlobLayout.FanOutCount];

    /// <summary>Opens the store and creates what directories it lacks.</summary>
    /// <param name="root">The store's own directory; its parents are created too.</param>
    /// <param name="time">Names what is put into quarantine.</param>
    /// <exception cref="IOException">The directories cannot be made.</exception>
    public FileSystemBlobStore(string root, TimeProvider time)
    {
        _layout = new BlobLayout(root);
        _mark = new FileMark(_layout.Root);
        _time = time;
        CreateTree();
    }

    /// <summary>Whether there is a store at this place: false for a directory that is missing, empty or something else.</summary>
    public static bool Exists(string root) => BlobLayout.Algorithms.All(algorithm => Directory.Exists(Path.Join(root, algorithm)));

    /// <inheritdoc/>
    public ValueTask<IBlobWriter> OpenUploadAsync(string uploadKey, long offset, BytesObserver? observer, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        cancellationToken.ThrowIfCancellationRequested();
        var path = _layout.Upload(uploadKey);
        SafeFileHandle handle;
        try
        {
            // The new name gets no fsync of the directory: publishing makes the final one durable, and an upload that a crash
            // takes away whole is an UploadBodyMissingException like one that it cuts.
            handle = File.OpenHandle(path, offset == 0 ? FileMode.OpenOrCreate : FileMode.Open, FileAccess.Write, Anyone);
        }
        catch (FileNotFoundException)
        {
            throw new UploadBodyMissingException(uploadKey, offset, 0);
        }
        catch (IOException exception) when (Posix.IsFull(exception))
        {
            throw new StorageFullException("The blob store has no room for another upload.", exception);
        }

        try
        {
            var found = RandomAccess.GetLength(handle);
            if (found < offset) throw new UploadBodyMissingException(uploadKey, offset, found);
            if (found > offset) RandomAccess.SetLength(handle, offset);
            return ValueTask.FromResult<IBlobWriter>(new FileSystemBlobWriter(handle, offset, observer));
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask<IBlobReader> ReadUploadAsync(string uploadKey, long length, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        cancellationToken.ThrowIfCancellationRequested();
        var handle = OpenForReading(_layout.Upload(uploadKey)) ?? throw new UploadBodyMissingException(uploadKey, length, 0);
        try
        {
            var found = RandomAccess.GetLength(handle);
            if (found < length) throw new UploadBodyMissingException(uploadKey, length, found);
            return ValueTask.FromResult<IBlobReader>(new FileSystemBlobReader(handle, length));
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="FileNotFoundException">There is no such upload.</exception>
    /// <exception cref="IOException">The file system failed.</exception>
    public ValueTask<string> PublishAsync(string uploadKey, Digest digest, long generation, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var upload = _layout.Upload(uploadKey);
        var location = BlobLayout.Location(digest, generation);
        var body = _layout.Body(location);
        var directory = ParentOf(body);
        try
        {
            EnsureFanOut(digest, directory);
            MoveToFinalName(upload, body);
            SyncBody(body);
            Posix.SyncDirectory(directory);
        }
        catch (IOException exception) when (Posix.IsFull(exception))
        {
            throw new StorageFullException("The blob store has no room to publish this upload.", exception);
        }

        return ValueTask.FromResult(location);
    }

    /// <inheritdoc/>
    public ValueTask DeleteUploadAsync(string uploadKey, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _ = Posix.TryDelete(_layout.Upload(uploadKey));
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask<IBlobReader?> OpenReadAsync(string location, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var handle = OpenForReading(_layout.Body(location));
        if (handle is null) return ValueTask.FromResult<IBlobReader?>(null);
        try
        {
            return ValueTask.FromResult<IBlobReader?>(new FileSystemBlobReader(handle, RandomAccess.GetLength(handle)));
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask<bool> DeleteAsync(string location, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var body = _layout.Body(location);
        // Not fsynced: a body that a crash brings back is an orphan like any other, and the scrub removes it.
        return ValueTask.FromResult(Posix.TryDelete(body));
    }

    /// <inheritdoc/>
    /// <exception cref="FileNotFoundException">There is no body at this location.</exception>
    public ValueTask<string> QuarantineAsync(string location, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var body = _layout.Body(location);
        var target = _layout.QuarantineFile(location, _time.GetUtcNow());
        if (File.Exists(target)) throw new IOException($"'{target}' is there already.");
        try
        {
            if (!Posix.TryRename(body, target)) throw new FileNotFoundException("There is no body to put into quarantine.", body);
            Posix.SyncDirectory(_layout.Quarantine);
        }
        catch (IOException exception) when (Posix.IsFull(exception))
        {
            throw new StorageFullException("The blob store has no room for another entry in its quarantine.", exception);
        }

        return ValueTask.FromResult(target);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<StoredBody> ListAsync(CancellationToken cancellationToken) =>
        EnumerateBodies(cancellationToken).ToAsyncEnumerable();

    /// <inheritdoc/>
    public int ListParts => BlobLayout.FanOutCount;

    /// <inheritdoc/>
    public IAsyncEnumerable<StoredBody> ListAsync(int part, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(part);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(part, ListParts);
        return EnumerateFanOut(BlobLayout.Algorithms[part / 256], (part % 256).ToString("x2", CultureInfo.InvariantCulture), cancellationToken).ToAsyncEnumerable();
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<StoredUpload> ListUploadsAsync(CancellationToken cancellationToken) =>
        EnumerateUploads(cancellationToken).ToAsyncEnumerable();

    /// <inheritdoc/>
    public string Place => _layout.Root;

    /// <inheritdoc/>
    public ValueTask<string?> ReadMarkAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(_mark.Read());
    }

    /// <inheritdoc/>
    public ValueTask<bool> TryAddMarkAsync(string mark, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(_mark.TryAdd(mark));
    }

    /// <inheritdoc/>
    public ValueTask ReplaceMarkAsync(string mark, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _mark.Replace(mark);
        return ValueTask.CompletedTask;
    }

    // rename(2) replaces what it finds, so the target is looked for first. Nothing can come between the two: generations are
    // handed out once. File.Move without overwriting would link and unlink instead, two changes where one is atomic.
    private static void MoveToFinalName(string upload, string body)
    {
        if (File.Exists(body)) throw new BodyExistsException($"'{body}' is there already: a generation is published once.");
        if (!Posix.TryRename(upload, body)) throw new FileNotFoundException("There is no such upload to publish.", upload);
    }

    // The name comes before the bytes' fsync, so that one commit of the journal takes both, and the directory's fsync finds
    // nothing left to write: half the waiting of the other order. A crash in between leaves a body that no row names.
    private static void SyncBody(string body)
    {
        try
        {
            using var handle = File.OpenHandle(body, FileMode.Open, FileAccess.Write, Anyone);
            RandomAccess.FlushToDisk(handle);
        }
        catch (IOException)
        {
            // Not given back as an upload: Linux reports a lost page once and then calls it clean, so the bytes could be read
            // and hashed again, and the next fsync would claim what is not so. The client must send them anew.
            _ = Posix.TryDelete(body);
            throw;
        }
    }

    private static SafeFileHandle? OpenForReading(string path)
    {
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, Anyone);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    // Directory by directory: .NET's own recursion would queue them all before it opens the first.
    private IEnumerable<StoredBody> EnumerateBodies(CancellationToken cancellationToken)
    {
        foreach (var algorithm in BlobLayout.Algorithms)
        {
            foreach (var fanOut in Names(Path.Join(_layout.Root, algorithm)))
            {
                foreach (var body in EnumerateFanOut(algorithm, fanOut, cancellationToken)) yield return body;
            }
        }
    }

    private IEnumerable<StoredBody> EnumerateFanOut(string algorithm, string fanOut, CancellationToken cancellationToken)
    {
        foreach (var name in Names(Path.Join(_layout.Root, algorithm, fanOut)))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var location = $"{algorithm}/{fanOut}/{name}";
            if (!BlobLayout.IsLocation(location)) continue;
            var file = new FileInfo(_layout.Body(location));
            // Deleted since its name was read.
            if (!file.Exists) continue;
            yield return new StoredBody(location, BlobLayout.DigestOf(location), BlobLayout.GenerationOf(location), file.Length, new DateTimeOffset(file.LastWriteTimeUtc));
        }
    }

    private IEnumerable<StoredUpload> EnumerateUploads(CancellationToken cancellationToken)
    {
        foreach (var key in Names(_layout.Uploads))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!BlobLayout.IsUploadKey(key)) continue;
            var file = new FileInfo(_layout.Upload(key));
            if (!file.Exists) continue;
            yield return new StoredUpload(key, file.Length, new DateTimeOffset(file.LastWriteTimeUtc));
        }
    }

    // The names in a directory as they are read from it; none when it went away, or is a file somebody put here.
    private static IEnumerable<string> Names(string directory)
    {
        FileSystemEnumerable<string> names;
        try
        {
            // Opens the directory here; only names are read, as the file's own stat must tell whether it is still there.
            names = new FileSystemEnumerable<string>(
                directory,
                (ref FileSystemEntry entry) => entry.FileName.ToString(),
                new EnumerationOptions { IgnoreInaccessible = false, AttributesToSkip = 0 });
        }
        catch (IOException exception) when (exception is DirectoryNotFoundException || File.Exists(directory))
        {
            yield break;
        }

        foreach (var name in names) yield return name;
    }

    // The few directories that all bodies share. All are fsynced on each start, as the last one may have crashed between a
    // mkdir and its fsync. The fan-out is left to the first publish that needs it: 512 mkdirs take ext4 a good part of a second.
    private void CreateTree()
    {
        CreateWithParents(_layout.Root);
        _ = Posix.TryCreateDirectory(_layout.Uploads);
        _ = Posix.TryCreateDirectory(_layout.Quarantine);
        foreach (var algorithm in BlobLayout.Algorithms) _ = Posix.TryCreateDirectory(Path.Join(_layout.Root, algorithm));
        Posix.SyncDirectory(_layout.Root);
    }

    // Once for each fan-out directory in this process's life, whether it is new or not: see CreateTree. Two publishes may both
    // do it; neither goes on before the entry is durable.
    private void EnsureFanOut(Digest digest, string fanOut)
    {
        ref var durable = ref _durableFanOuts[BlobLayout.FanOutIndex(digest)];
        if (Volatile.Read(ref durable)) return;
        _ = Posix.TryCreateDirectory(fanOut);
        Posix.SyncDirectory(ParentOf(fanOut));
        Volatile.Write(ref durable, true);
    }

    private static void CreateWithParents(string directory)
    {
        if (Directory.Exists(directory)) return;
        var parent = ParentOf(directory);
        CreateWithParents(parent);
        if (Posix.TryCreateDirectory(directory)) Posix.SyncDirectory(parent);
    }

    private static string ParentOf(string path) => path[..Math.Max(1, path.LastIndexOf('/'))];
}

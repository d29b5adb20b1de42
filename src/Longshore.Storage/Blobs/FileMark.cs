using System.Text;

namespace Longshore.Storage.Blobs;

/// <summary>The mark of a store of files: the file <c>store-id</c> in its directory. It appears whole or not at all.</summary>
internal sealed class FileMark(string root)
{
    private const int MostBytes = 4096;

    private string Name => Path.Join(root, IMarkedStore.MarkName);

    /// <summary>What it says; null when there is none.</summary>
    public string? Read()
    {
        try
        {
            using var file = new FileStream(Name, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1);
            var bytes = new byte[MostBytes];
            return Encoding.UTF8.GetString(bytes, 0, file.ReadAtLeast(bytes, MostBytes, throwOnEndOfStream: false));
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Adds one; false when there is one.</summary>
    public bool TryAdd(string mark) => Place(mark, temporary => Posix.TryLink(temporary, Name));

    /// <summary>Puts one into place, whatever is there.</summary>
    public void Replace(string mark) => Place(mark, temporary => Posix.TryRename(temporary, Name) ? true : throw new DirectoryNotFoundException($"{root} is gone."));

    private bool Place(string mark, Func<string, bool> name)
    {
        var temporary = $"{Name}.{Guid.NewGuid():N}";
        try
        {
            using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                file.Write(Encoding.UTF8.GetBytes(mark));
                file.Flush(flushToDisk: true);
            }

            var done = name(temporary);
            // Also when another one was faster: it may not have come as far as this yet.
            Posix.SyncDirectory(root);
            return done;
        }
        catch (IOException exception) when (Posix.IsFull(exception))
        {
            throw new StorageFullException($"{root} has no room for its mark.", exception);
        }
        finally
        {
            _ = Posix.TryDelete(temporary);
        }
    }
}

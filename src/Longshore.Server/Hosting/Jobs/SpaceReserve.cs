using System.Security.Cryptography;

namespace Longshore.Server.Hosting.Jobs;

/// <summary>
/// Some MiB beside the database that are given up when the disk is full, so that what makes room (collection, expiry) can write the few rows that it
/// needs for it. Taken back as soon as there is room again.
/// </summary>
/// <param name="path">The file; nothing else uses it.</param>
/// <param name="size">Bytes.</param>
internal sealed class SpaceReserve(string path, int size)
{
    // Taken only where this many times as much is free.
    private const int Plenty = 4;

    private readonly Lock gate = new();

    /// <summary>Takes the space, when it is not taken and there is enough; a disk without room is no error.</summary>
    public void TryTake()
    {
        lock (gate)
        {
            if (File.Exists(path) && new FileInfo(path).Length == size) return;
            try
            {
                // What is taken must not be what somebody else needs next.
                if (FreeSpace() < Plenty * (long)size) return;
                // Bytes that no file system compresses away.
                File.WriteAllBytes(path, RandomNumberGenerator.GetBytes(size));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Release();
            }
        }
    }

    /// <summary>Gives the space up when the disk has nearly none left: before a start, which itself needs some.</summary>
    public void ReleaseWhenScarce()
    {
        if (File.Exists(path) && FreeSpace() < size) Release();
    }

    private long FreeSpace() => new DriveInfo(Path.GetDirectoryName(Path.GetFullPath(path))!).AvailableFreeSpace;

    /// <summary>Gives the space up.</summary>
    public void Release()
    {
        lock (gate)
        {
            try
            {
                File.Delete(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Then there is no reserve: the next run fails like this one, and says so.
            }
        }
    }
}

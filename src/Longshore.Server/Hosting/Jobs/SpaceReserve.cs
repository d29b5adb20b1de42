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
    private readonly Lock gate = new();

    /// <summary>Takes the space, when it is not taken and there is enough; a disk without room is no error.</summary>
    public void TryTake()
    {
        lock (gate)
        {
            if (File.Exists(path) && new FileInfo(path).Length == size) return;
            try
            {
                // Bytes that no file system compresses away.
                File.WriteAllBytes(path, RandomNumberGenerator.GetBytes(size));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Release();
            }
        }
    }

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

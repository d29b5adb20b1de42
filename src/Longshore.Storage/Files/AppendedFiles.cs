using System.Runtime.InteropServices;
using Longshore.Storage.Blobs;
using Microsoft.Win32.SafeHandles;

namespace Longshore.Storage.Files;

/// <summary>What append-only files need of the operating system beyond .NET's own calls. Linux, 64 bit.</summary>
public static partial class AppendedFiles
{
    private const int Interrupted = 4;
    private const int ZeroBlock = 256 * 1024;

    /// <summary>Makes written bytes durable, and of the file's attributes only what reading them needs: overwriting allocated blocks costs no journal commit.</summary>
    /// <exception cref="IOException">The disk refused.</exception>
    public static void SyncData(SafeFileHandle file)
    {
        while (FdataSync(file) != 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            if (errno != Interrupted) throw new IOException($"fdatasync failed with errno {errno}.", errno);
        }
    }

    /// <summary>Makes the entries of a directory durable.</summary>
    public static void SyncDirectory(string path) => Posix.SyncDirectory(path);

    /// <summary>True when a disk has no room, by its size, its inodes or a quota.</summary>
    public static bool IsFull(IOException exception) => Posix.IsFull(exception);

    /// <summary>
    /// Creates a file of zeros, durable. Zeros and not a mere allocation: overwriting them later needs no room and changes no extent, so that a sync
    /// of them is one write of the data.
    /// </summary>
    /// <exception cref="IOException">There is no room; nothing is left behind.</exception>
    public static void CreateZeroed(string path, int length)
    {
        try
        {
            using var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.Read, FileOptions.None);
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            var zeros = new byte[Math.Min(ZeroBlock, length)];
            for (var offset = 0; offset < length; offset += zeros.Length) RandomAccess.Write(file, zeros.AsSpan(0, Math.Min(zeros.Length, length - offset)), offset);
            RandomAccess.FlushToDisk(file);
        }
        catch (IOException)
        {
            File.Delete(path);
            throw;
        }
    }

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int FdataSync(SafeFileHandle file);
}

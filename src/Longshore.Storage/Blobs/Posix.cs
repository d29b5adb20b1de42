using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Longshore.Storage.Blobs;

/// <summary>The file calls that .NET lacks or pays for with extra ones: directories that can be fsynced, a plain rename.</summary>
/// <remarks>
/// Linux, 64 bit. Failures are <see cref="IOException"/> with the errno as HResult, as .NET's own file calls have it;
/// methods named Try give false for the one failure that their summary names.
/// </remarks>
internal static partial class Posix
{
    private const int NoEntry = 2;
    private const int Interrupted = 4;
    private const int Exists = 17;
    private const int NotDirectory = 20;
    private const int InvalidArgument = 22;
    private const int NoSpace = 28;
    private const int NotSupported = 95;
    private const int QuotaExceeded = 122;

    // O_RDONLY | O_CLOEXEC. Without O_DIRECTORY, whose value differs between x64 and arm64.
    private const int OpenForSync = 0x80000;

    // Bodies may be private images: nobody but the server's user has business here.
    private const uint OwnerOnly = 0x1C0; // 0700

    private const int SetStatusFlags = 4; // F_SETFL

    // O_DIRECT is one of the flags whose value differs between the two.
    private static readonly int DirectFlag = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x10000 : 0x4000;

    /// <summary>True when the store has no room, by the disk's size, its inodes or a quota.</summary>
    public static bool IsFull(IOException exception) => exception.HResult is NoSpace or QuotaExceeded;

    /// <summary>Creates one directory; false when it exists.</summary>
    public static bool TryCreateDirectory(string path)
    {
        if (MakeDirectory(path, OwnerOnly) == 0) return true;
        var errno = Marshal.GetLastPInvokeError();
        return errno == Exists ? false : throw Failure(errno, "mkdir", path);
    }

    /// <summary>Renames atomically, over an existing file too; false when the source or the target's directory is missing.</summary>
    public static bool TryRename(string from, string to)
    {
        if (Rename(from, to) == 0) return true;
        var errno = Marshal.GetLastPInvokeError();
        return errno == NoEntry ? false : throw Failure(errno, "rename", from);
    }

    /// <summary>Gives a file a second name; false when something has that name already.</summary>
    public static bool TryLink(string path, string newName)
    {
        if (Link(path, newName) == 0) return true;
        var errno = Marshal.GetLastPInvokeError();
        return errno == Exists ? false : throw Failure(errno, "link", newName);
    }

    /// <summary>Removes a file; false when there is none.</summary>
    public static bool TryDelete(string path)
    {
        if (Unlink(path) == 0) return true;
        var errno = Marshal.GetLastPInvokeError();
        return errno is NoEntry or NotDirectory ? false : throw Failure(errno, "unlink", path);
    }

    /// <summary>
    /// Makes the entries of a directory durable. Any number of threads may do so for one directory at once: the file system
    /// joins them in one journal commit.
    /// </summary>
    public static void SyncDirectory(string path)
    {
        int descriptor;
        while ((descriptor = Open(path, OpenForSync)) < 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            if (errno != Interrupted) throw Failure(errno, "open", path);
        }

        try
        {
            while (Sync(descriptor) != 0)
            {
                var errno = Marshal.GetLastPInvokeError();
                // Some network and FUSE file systems have no fsync of directories: their entries are durable at once or never.
                if (errno is InvalidArgument or NotSupported) return;
                if (errno != Interrupted) throw Failure(errno, "fsync", path);
            }
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    /// <summary>Whether writes of this file go past the page cache; false when the file system does not offer that.</summary>
    public static bool TrySetDirect(SafeFileHandle handle, bool direct) =>
        FileControl(handle, SetStatusFlags, direct ? DirectFlag : 0) == 0;

    /// <summary>True when the file system refuses the form of a call: a direct write that it does not do.</summary>
    public static bool IsRefused(IOException exception) => exception.HResult == InvalidArgument;

    private static IOException Failure(int errno, string call, string path) =>
        new($"{call} of '{path}' failed: {Marshal.GetPInvokeErrorMessage(errno)}", errno);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string path, string newName);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "mkdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeDirectory(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Rename(string from, string to);

    [LibraryImport("libc", EntryPoint = "unlink", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unlink(string path);

    // On arm64 a variadic function takes its arguments as any other does on Linux.
    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int FileControl(SafeFileHandle handle, int command, int argument);
}

using System.Globalization;
using System.Text;

namespace Longshore.Server.Hosting;

/// <summary>
/// The data directory in use by this process. The file <c>lock</c> in it is locked for as long as this object lives, and
/// holds the process id and, once the server listens, its addresses, one a line.
/// </summary>
/// <remarks>
/// The lock is a record lock (fcntl) and not the one that FileShare.None takes: that one would keep others from reading
/// whose the lock is. The kernel drops it with the process, so a stale file never keeps a server from starting.
/// </remarks>
internal sealed class DataDirectory : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly FileStream file;

    private DataDirectory(string path, FileStream file)
    {
        Path = path;
        this.file = file;
    }

    /// <summary>The absolute path.</summary>
    public string Path { get; }

    /// <summary>Creates the directory when missing (mode 0700) and takes its lock.</summary>
    /// <param name="path">An absolute path.</param>
    /// <param name="taken">When the answer is null: what the holder's lock file says.</param>
    /// <exception cref="IOException">The directory cannot be made or written.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be made or written.</exception>
    public static DataDirectory? TryTake(string path, out LockHolder taken)
    {
        taken = default;
        Directory.CreateDirectory(path, OwnerOnly);
        var file = new FileStream(LockPath(path), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite);
        try
        {
            file.Lock(0, 1);
        }
        catch (IOException)
        {
            taken = LockHolder.Parse(ReadAll(file));
            file.Dispose();
            return null;
        }
        var directory = new DataDirectory(path, file);
        directory.Write([]);
        return directory;
    }

    /// <summary>Who holds the directory right now, or null when nobody does.</summary>
    public static LockHolder? FindHolder(string path)
    {
        try
        {
            using var file = new FileStream(LockPath(path), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            try
            {
                file.Lock(0, 1);
                return null;
            }
            catch (IOException)
            {
                return LockHolder.Parse(ReadAll(file));
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Writes the addresses for others to find (<c>longshore env</c>).</summary>
    public void Publish(IEnumerable<string> addresses) => Write(addresses);

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private static string LockPath(string path) => System.IO.Path.Combine(path, "lock");

    private static string ReadAll(FileStream file)
    {
        using var reader = new StreamReader(file, Encoding.UTF8, leaveOpen: true);
        return reader.ReadToEnd();
    }

    private void Write(IEnumerable<string> addresses)
    {
        var text = string.Join('\n', addresses.Prepend(Environment.ProcessId.ToString(CultureInfo.InvariantCulture))) + "\n";
        file.SetLength(0);
        file.Position = 0;
        file.Write(Encoding.UTF8.GetBytes(text));
        file.Flush();
    }
}

/// <summary>What a lock file says of its holder.</summary>
/// <param name="ProcessId">Decimal, or a question mark when the holder has not written it yet.</param>
/// <param name="Addresses">Where it listens; empty when it does not yet.</param>
internal readonly record struct LockHolder(string ProcessId, IReadOnlyList<string> Addresses)
{
    /// <summary>Understands the contents of a lock file.</summary>
    public static LockHolder Parse(string text) =>
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries) is [var pid, .. var addresses] ? new(pid, addresses) : new("?", []);
}

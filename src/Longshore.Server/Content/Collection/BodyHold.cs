namespace Longshore.Server.Content.Collection;

/// <summary>
/// Keeps bodies from being unlinked while a backup copies them, across processes: the collector holds the file shared while it unlinks a batch, a backup
/// holds it alone. The kernel ends a hold with its process, so that a killed backup leaves none behind.
/// </summary>
/// <remarks>
/// Rows may end meanwhile: a backup copies the database after it took the hold, so every body that its copy names is there until the hold ends.
/// </remarks>
internal sealed class BodyHold : IDisposable
{
    /// <summary>The file's name in the data directory.</summary>
    public const string FileName = "hold";

    private readonly FileStream? file;

    private BodyHold(FileStream? file) => this.file = file;

    /// <summary>For the collector, for one batch; null while a backup holds the bodies. Without a file there is nobody to wait for.</summary>
    public static BodyHold? TryShare(string? path) => path is null ? new BodyHold(null) : TryOpen(path, FileAccess.Read, FileShare.Read);

    /// <summary>For a backup; null while a batch is being unlinked, or another backup runs.</summary>
    public static BodyHold? TryTake(string path) => TryOpen(path, FileAccess.ReadWrite, FileShare.None);

    /// <inheritdoc/>
    public void Dispose() => file?.Dispose();

    // .NET's sharing modes are flock(2) on Linux: shared for FileShare.Read, exclusive for None.
    private static BodyHold? TryOpen(string path, FileAccess access, FileShare share)
    {
        try
        {
            if (!File.Exists(path)) Create(path);
            return new BodyHold(new FileStream(path, FileMode.Open, access, share, 1));
        }
        catch (IOException e) when (e is not (FileNotFoundException or DirectoryNotFoundException))
        {
            return null;
        }
    }

    private static void Create(string path)
    {
        using var made = new FileStream(
            path, new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
    }
}

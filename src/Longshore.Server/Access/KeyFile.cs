using System.Globalization;
using System.Text;
using Longshore.Core;
using Longshore.Storage.Blobs;

namespace Longshore.Server.Access;

/// <summary>
/// The file with the keys that seal the database's secrets: one line <c>NUMBER BASE64</c> per key, 256 bits each; the highest number is the
/// one in use. Lines that begin with <c>#</c> are comments. Whoever has the database without this file can open no secret in it.
/// </summary>
/// <param name="path">An absolute path.</param>
internal sealed class KeyFile(string path)
{
    /// <summary>The file's name in the data directory, unless another is given.</summary>
    public const string Name = "sealing.key";

    /// <summary>Longest file read, in bytes: more than a thousand keys.</summary>
    private const int MaxLength = 64 * 1024;

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Others = ~(OwnerOnly | UnixFileMode.UserExecute);

    private const string Heading =
        "# The keys that open the secrets in Longshore's database. Nothing else does: keep a copy, apart from copies of the database.\n";

    /// <summary>Where it is.</summary>
    public string Path => path;

    /// <summary>Whether there is one.</summary>
    public bool Exists => File.Exists(path);

    /// <summary>Reads the keys. The error says what is wrong with the file, and never shows a key.</summary>
    public Outcome<SealingKeys> Read()
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            // Of the open file: a name could be changed between a look and a read.
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(file.SafeFileHandle) & Others) is not 0 and var mode)
                return Refuse($"may be read or written by others than its owner ({mode}): chmod 600 it, and rotate its keys if somebody may have seen them");
            if (file.Length > MaxLength) return Refuse($"is larger than {MaxLength} bytes");
            using var reader = new StreamReader(file, Encoding.UTF8);
            return Parse(reader.ReadToEnd());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Refuse("cannot be read: " + e.Message);
        }
    }

    /// <summary>Makes the file with a first key, or reads the one that another process made meanwhile.</summary>
    public Outcome<SealingKeys> Create()
    {
        var keys = SealingKeys.Generate();
        try
        {
            return TryWrite(keys, replace: false) ? keys : Read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Refuse("cannot be made: " + e.Message);
        }
    }

    /// <summary>Puts other keys into the file: it has the old ones or the new ones whole, whatever happens.</summary>
    public RegistryError? Replace(SealingKeys keys)
    {
        try
        {
            _ = TryWrite(keys, replace: true);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Refuse("cannot be written: " + e.Message);
        }
    }

    /// <summary>An error about this file.</summary>
    public RegistryError Refuse(string problem) => new(ErrorCode.InvalidParameter, $"The key file {path} {problem.TrimEnd('.')}.");

    private Outcome<SealingKeys> Parse(string text)
    {
        var keys = new Dictionary<uint, byte[]>();
        var number = 0;
        foreach (var line in text.Split('\n', StringSplitOptions.TrimEntries))
        {
            number++;
            if (line.Length == 0 || line[0] == '#') continue;
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            var key = new byte[SealingKeys.KeyBytes];
            if (space < 0 || !uint.TryParse(line.AsSpan(0, space), NumberStyles.None, CultureInfo.InvariantCulture, out var id) || id is 0 or uint.MaxValue
                || line.AsSpan(space + 1).Trim() is not { Length: 44 } encoded || !Convert.TryFromBase64Chars(encoded, key, out var length) || length != key.Length)
                return Refuse($"holds something else than a number and 32 bytes in base64 on line {number}");
            if (!keys.TryAdd(id, key)) return Refuse($"has key {id} twice");
        }

        return keys.Count > 0 ? new SealingKeys(keys) : Refuse("holds no key");
    }

    // Written whole and synced under another name first; the last step gives it its own, at once or not at all.
    private bool TryWrite(SealingKeys keys, bool replace)
    {
        // Through a link to what it names, as when a secret store provides the file.
        var target = (replace ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName : null) ?? path;
        var directory = System.IO.Path.GetDirectoryName(target)!;
        var temporary = $"{target}.{Guid.NewGuid():N}.tmp";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = OwnerOnly;
        try
        {
            using (var file = new FileStream(temporary, options))
            {
                var text = new StringBuilder(Heading);
                foreach (var (number, key) in keys.Keys.OrderBy(static pair => pair.Key))
                    text.Append(CultureInfo.InvariantCulture, $"{number} {Convert.ToBase64String(key)}\n");
                file.Write(Encoding.ASCII.GetBytes(text.ToString()));
                file.Flush(flushToDisk: true);
            }

            // Without replacing: a link, which of two processes only one can make.
            if (replace) File.Move(temporary, target, overwrite: true);
            else if (!DurableFiles.TryLink(temporary, target)) return false;
            DurableFiles.SyncDirectory(directory);
            return true;
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}

namespace Longshore.Server.Access;

/// <summary>The file that the first start leaves the root key in: AWS shared credentials format, readable by its owner alone.</summary>
internal static class CredentialsFile
{
    /// <summary>The file's name in the data directory.</summary>
    public const string Name = "credentials";

    /// <summary>
    /// Writes the file with one profile, <c>[default]</c>, replacing one that is there. It is never seen half written, nor for
    /// a moment with a wider mode: a file of mode 0600 is written, synced and renamed.
    /// </summary>
    /// <param name="path">The file. Its directory exists.</param>
    /// <param name="credentials">The key.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    public static async Task WriteAsync(string path, RootCredentials credentials, CancellationToken cancellationToken)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        try
        {
            await using (var file = new FileStream(temporary, options))
            {
                var text = $"[default]\naws_access_key_id = {credentials.AccessKeyId}\naws_secret_access_key = {credentials.SecretAccessKey}\n";
                await file.WriteAsync(System.Text.Encoding.ASCII.GetBytes(text), cancellationToken);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}

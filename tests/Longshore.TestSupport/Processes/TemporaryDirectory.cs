namespace Longshore.TestSupport.Processes;

/// <summary>A new directory under the system's temporary directory, removed on dispose.</summary>
public sealed class TemporaryDirectory : IDisposable
{
    /// <param name="label">Part of the directory's name, so that a leftover names its maker.</param>
    public TemporaryDirectory(string label = "test") => Path = Directory.CreateTempSubdirectory($"longshore-{label}-").FullName;

    public string Path { get; }

    /// <summary>Joins <paramref name="parts"/> below this directory.</summary>
    public string Combine(params ReadOnlySpan<string> parts) => System.IO.Path.Combine([Path, .. parts]);

    public void Dispose()
    {
        Databases.TestDatabases.Forget(Path);
        try
        {
            if (Directory.Exists(Path))
                Directory.Delete(Path, recursive: true);
        }
        catch (IOException)
        {
            // A child process may still be closing files; the system's temporary directory is cleaned anyway.
        }
    }
}

namespace Longshore.TestSupport.Processes;

/// <summary>Where the checkout is that the running tests were built from, and in which configuration.</summary>
public static class RepositoryRoot
{
    /// <summary>The directory that holds <c>Longshore.slnx</c>.</summary>
    /// <exception cref="InvalidOperationException">The tests were copied away from their checkout.</exception>
    public static string Path { get; } = FindUpwards(AppContext.BaseDirectory);

    /// <summary>The build configuration of the running assembly, <c>Debug</c> or <c>Release</c>.</summary>
    public static string Configuration { get; } = FindConfiguration(AppContext.BaseDirectory);

    private static string FindUpwards(string start)
    {
        for (var directory = new DirectoryInfo(start); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(directory.FullName, "Longshore.slnx")))
                return directory.FullName;
        }
        throw new InvalidOperationException($"No Longshore.slnx above {start}.");
    }

    // …/bin/<configuration>/net10.0/
    private static string FindConfiguration(string baseDirectory)
    {
        var parts = baseDirectory.TrimEnd('/', '\\').Split('/', '\\');
        var bin = Array.LastIndexOf(parts, "bin");
        return bin >= 0 && bin + 1 < parts.Length ? parts[bin + 1] : "Debug";
    }
}

namespace Longshore.TestSupport.Processes;

/// <summary>What a test needs from the machine: absent, the test is skipped here and fails where <c>CI=true</c>.</summary>
public static class Requires
{
    /// <summary>Finds <paramref name="name"/> on <c>PATH</c>.</summary>
    /// <returns>The program's full path.</returns>
    /// <exception cref="SkipTestException">Not found, outside CI.</exception>
    /// <exception cref="InvalidOperationException">Not found, in CI.</exception>
    public static string Tool(string name) =>
        FindOnPath(name) ?? throw Missing($"the program '{name}' (not on PATH)");

    /// <summary>Skips, or fails in CI, unless <paramref name="condition"/> holds.</summary>
    public static void That(bool condition, string what)
    {
        if (!condition)
            throw Missing(what);
    }

    /// <summary>Whether <paramref name="name"/> is on <c>PATH</c>.</summary>
    public static bool HasTool(string name) => FindOnPath(name) is not null;

    private static Exception Missing(string what) =>
        string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase)
            ? new InvalidOperationException($"This test needs {what}, and CI=true forbids skipping it.")
            : new SkipTestException($"needs {what}");

    private static string? FindOnPath(string name)
    {
        if (name.Contains('/', StringComparison.Ordinal))
            return File.Exists(name) ? name : null;
        foreach (var directory in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
        {
            var candidate = Path.Combine(directory, name);
            if (File.Exists(candidate))
                return candidate;
        }
        return null;
    }
}

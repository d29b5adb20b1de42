namespace Longshore.WireGenerator;

/// <summary>The checked-in files: where they are, how they differ from what the models give, and how they are replaced.</summary>
internal sealed class Workspace(string root, string models)
{
    /// <summary>The models' folder unless told otherwise: beside the repository.</summary>
    public static string DefaultModels(string root) => Path.GetFullPath(Path.Combine(root, "..", "shared", "aws-models"));

    /// <summary>The nearest folder at or above <paramref name="start"/> that holds the solution, or null.</summary>
    public static string? FindRoot(string start)
    {
        for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Longshore.slnx"))) return folder.FullName;
        return null;
    }

    /// <summary>One line for every checked-in file that is not what the models give; empty when all are.</summary>
    public IReadOnlyList<string> Differences()
    {
        var wanted = Generate();
        var lines = new List<string>();
        foreach (var (path, text) in wanted)
        {
            var full = Path.Combine(root, path);
            if (!File.Exists(full)) lines.Add($"{path}: missing");
            else if (FirstDifference(File.ReadAllText(full), text) is { } difference) lines.Add($"{path}: {difference}");
        }

        lines.AddRange(Stale(wanted).Select(path => $"{path}: no model gives it any more"));
        return lines;
    }

    /// <summary>Writes what differs, removes what is no longer given, and tells how many files were touched.</summary>
    public int Write()
    {
        var wanted = Generate();
        var touched = 0;
        foreach (var (path, text) in wanted)
        {
            var full = Path.Combine(root, path);
            if (File.Exists(full) && File.ReadAllText(full) == text) continue;
            Directory.CreateDirectory(Path.GetDirectoryName(full)!);
            File.WriteAllText(full, text);
            touched++;
        }

        foreach (var path in Stale(wanted).ToList())
        {
            File.Delete(Path.Combine(root, path));
            touched++;
        }

        return touched;
    }

    /// <summary>Services whose model this machine has not: their files are neither compared nor written.</summary>
    public IReadOnlyList<Service> Skipped { get; } = [.. Service.All.Where(service => service.Optional && !File.Exists(service.ModelFile))];

    private SortedDictionary<string, string> Generate() =>
        Generator.Generate(Service.All.Except(Skipped), file => File.ReadAllText(Path.Combine(models, file)));

    private IEnumerable<string> Stale(SortedDictionary<string, string> wanted) =>
        Service.All
            .Except(Skipped)
            .Select(service => Path.Combine(root, service.Folder))
            .Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*.Generated.cs"))
            .Select(file => Path.GetRelativePath(root, file).Replace('\\', '/'))
            .Where(path => !wanted.ContainsKey(path))
            .Order(StringComparer.Ordinal);

    private static string? FirstDifference(string actual, string wanted)
    {
        if (actual == wanted) return null;
        var (left, right) = (actual.Split('\n'), wanted.Split('\n'));
        var at = 0;
        while (at < left.Length && at < right.Length && left[at] == right[at]) at++;
        return $"line {at + 1} is \"{Line(left, at)}\", the model gives \"{Line(right, at)}\"";
    }

    private static string Line(string[] lines, int at) => at < lines.Length ? lines[at].Trim() : "(end of file)";
}

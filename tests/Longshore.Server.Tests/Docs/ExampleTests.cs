using System.Text.RegularExpressions;
using Longshore.Server.Hosting;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Docs;

/// <summary>Configurations in <c>examples/</c> give the server options that it has, with values that it takes.</summary>
public sealed partial class ExampleTests
{
    private static readonly string[] Special = [ServeOptions.RootKeyVariable, ServeOptions.RootSecretVariable, ServeOptions.DatabasePasswordVariable];

    [Fact]
    public void Every_variable_that_an_example_sets_is_an_option()
    {
        var known = ServeOptionTable.All.Select(option => option.Environment).Concat(Special).ToHashSet(StringComparer.Ordinal);
        var unknown = Files().SelectMany(file => Variable().Matches(File.ReadAllText(file)).Select(match => $"{Path.GetRelativePath(RepositoryRoot.Path, file)}: {match.Value}"))
            .Where(found => !known.Contains(found[(found.IndexOf(": ", StringComparison.Ordinal) + 2)..]));
        Assert.Empty(unknown);
    }

    [Fact]
    public void The_server_takes_the_options_of_the_compose_file()
    {
        var defaults = Assigned(Read("compose/.env.example"), EnvLine());
        Check(Assigned(Read("compose/compose.yaml"), ComposeLine()).ToDictionary(
            pair => pair.Key,
            pair => Substitution().Replace(pair.Value, match => defaults.GetValueOrDefault(match.Groups[1].Value) ?? match.Groups[2].Value),
            StringComparer.Ordinal));
    }

    [Fact]
    public void The_server_takes_the_options_of_the_chart()
    {
        var values = Read("helm/longshore/values.yaml");
        var assigned = Assigned(Read("helm/longshore/templates/statefulset.yaml"), ChartLine()).ToDictionary(
            pair => pair.Key,
            pair => Expression().Replace(pair.Value, match => Value(values, match.Groups[1].Value)),
            StringComparer.Ordinal);
        foreach (var (name, value) in Assigned(values, Suggested())) assigned.Add(name, value);
        Check(assigned);
    }

    private static void Check(Dictionary<string, string> environment)
    {
        Assert.True(environment.Count > 8, $"Only {string.Join(", ", environment.Keys)} were found.");
        var reader = new ServeOptionsReader();
        reader.Read(static _ => null, name => environment.GetValueOrDefault(name), null);
        Assert.Empty(reader.Errors);
    }

    /// <summary>The value of <c>.a.b</c> in the chart's values, which are indented by two.</summary>
    private static string Value(string yaml, string path)
    {
        var at = 0;
        var names = path.Split('.');
        for (var depth = 0; depth < names.Length; depth++)
        {
            var match = new Regex($"^{new string(' ', 2 * depth)}{names[depth]}:[ ]*(.*?)(?: +#.*)?$", RegexOptions.Multiline).Match(yaml, at);
            Assert.True(match.Success, $"values.yaml has no {path}.");
            at = match.Index;
            if (depth == names.Length - 1) return match.Groups[1].Value;
        }

        return "";
    }

    private static Dictionary<string, string> Assigned(string text, Regex line) => line.Matches(text).ToDictionary(
        match => match.Groups[1].Value,
        match => match.Groups[2].Value.Trim().Trim('"'),
        StringComparer.Ordinal);

    private static IEnumerable<string> Files() => Directory.EnumerateFiles(Path.Combine(RepositoryRoot.Path, "examples"), "*", SearchOption.AllDirectories);

    private static string Read(string name) => File.ReadAllText(Path.Combine(RepositoryRoot.Path, "examples", name));

    [GeneratedRegex("\\bLONGSHORE_[A-Z0-9_]*[A-Z0-9]\\b")]
    private static partial Regex Variable();

    [GeneratedRegex("^([A-Z0-9_]+)=(.*)$", RegexOptions.Multiline)]
    private static partial Regex EnvLine();

    [GeneratedRegex("^    (LONGSHORE_[A-Z_]+): (.*?)(?: +#.*)?$", RegexOptions.Multiline)]
    private static partial Regex ComposeLine();

    [GeneratedRegex("""^ +- \{name: (LONGSHORE_[A-Z_]+), value: (.*?)\}(?: +#.*)?$""", RegexOptions.Multiline)]
    private static partial Regex ChartLine();

    [GeneratedRegex("^# +(LONGSHORE_[A-Z_]+): (.*)$", RegexOptions.Multiline)]
    private static partial Regex Suggested();

    [GeneratedRegex(@"\$\{([A-Z0-9_]+):[-?]([^}]*)\}")]
    private static partial Regex Substitution();

    [GeneratedRegex(@"\{\{ \.Values\.([A-Za-z.]+)(?: \| quote)? \}\}")]
    private static partial Regex Expression();
}

using System.Text.RegularExpressions;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Security;

/// <summary>What docs/security.md says is tested, is tested by what it says.</summary>
public sealed partial class SecurityDocumentTests
{
    [Fact]
    public void Every_test_that_the_document_names_exists()
    {
        var sources = Directory.EnumerateFiles(Path.Combine(RepositoryRoot.Path, "tests"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal))
            .ToLookup(Path.GetFileNameWithoutExtension, StringComparer.Ordinal);
        var missing = Named().Distinct().Where(named =>
        {
            var parts = named.Split('.');
            return !sources[parts[0]].Any(file => new Regex($@"\[(Fact|Theory)\b[^;{{}}]*?public (?:async )?(?:Task|ValueTask|void) {Regex.Escape(parts[1])}\(").IsMatch(Statements(File.ReadAllText(file))));
        });
        Assert.Equal([], missing);
    }

    [Fact]
    public void At_least_sixty_attacks_are_listed_each_with_its_test()
    {
        var rows = Document().Split('\n').SkipWhile(line => line != "## Attacks").Where(line => line.StartsWith("| ", StringComparison.Ordinal) && !line.StartsWith("| Attack ", StringComparison.Ordinal)).ToList();
        Assert.InRange(rows.Count, 60, 1000);
        Assert.All(rows, row => Assert.Matches(@"`[A-Z]\w+\.[A-Z]\w+`", row));
        Assert.Equal(rows.Count, rows.Select(row => row.Split('|')[1].Trim()).Distinct().Count());
    }

    // Without the arguments of [InlineData(…)], which may hold any character.
    private static string Statements(string source) => Data().Replace(source, "");

    private static IEnumerable<string> Named() => TestName().Matches(Document()).Select(match => match.Groups[1].Value);

    private static string Document() => File.ReadAllText(Path.Combine(RepositoryRoot.Path, "docs/security.md"));

    [GeneratedRegex(@"`([A-Z]\w*Tests\.[A-Z]\w+)`")]
    private static partial Regex TestName();

    [GeneratedRegex(@"^\s*\[(InlineData|MemberData|SuppressMessage)\(.*\)\]\s*$", RegexOptions.Multiline)]
    private static partial Regex Data();
}

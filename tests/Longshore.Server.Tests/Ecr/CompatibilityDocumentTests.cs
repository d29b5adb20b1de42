using System.Text.RegularExpressions;
using Longshore.Core.Aws;
using Longshore.Core.Aws.EcrPublic;
using Longshore.Core.Aws.Iam;
using Longshore.Core.Aws.Sts;
using Longshore.Server.Ecr;
using Longshore.Server.Iam;
using Longshore.Server.Sts;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Ecr;

public sealed partial class CompatibilityDocumentTests
{
    private static readonly string Text = File.ReadAllText(Path.Combine(RepositoryRoot.Path, "docs/compatibility.md"));

    [Fact]
    public void The_document_says_of_ecr_what_the_code_does() =>
        Compare("Amazon ECR", EcrOperationTable.All.ToDictionary(entry => entry.Operation.Name, entry => entry.Create is not null));

    [Fact]
    public void The_document_says_of_ecr_public_what_the_code_does() =>
        Compare("Amazon ECR Public", EcrPublicOperations.All.Keys.ToDictionary(name => name, _ => false));

    [Fact]
    public void The_document_says_of_sts_what_the_code_does() =>
        Compare("AWS STS", StsOperations.All.Values.ToDictionary<AwsOperation, string, bool>(operation => operation.Name, StsFace.Offered.Contains));

    [Fact]
    public void The_document_says_of_iam_what_the_code_does() =>
        Compare("AWS IAM", IamOperations.All.Keys.ToDictionary(name => name, IamOperationTable.All.ContainsKey));

    private static void Compare(string heading, Dictionary<string, bool> code)
    {
        var start = Text.IndexOf($"\n## {heading}\n", StringComparison.Ordinal);
        Assert.True(start >= 0, $"There is no section {heading}.");
        var end = Text.IndexOf("\n## ", start + 1, StringComparison.Ordinal);
        var rows = OperationRow().Matches(Text[start..end]);
        Assert.Equal(
            code.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, pair.Value)),
            rows.Select(row => (row.Groups[1].Value, row.Groups[2].Value is "yes" or "partial")).OrderBy(row => row.Item1, StringComparer.Ordinal));
        // What is partial must say how.
        Assert.All(rows.Where(row => row.Groups[2].Value == "partial"), row => Assert.NotEmpty(row.Groups[3].Value.Trim()));
    }

    [GeneratedRegex(@"^\| `(\w+)` \| (yes|partial|no) \|(.*)\|$", RegexOptions.Multiline)]
    private static partial Regex OperationRow();
}

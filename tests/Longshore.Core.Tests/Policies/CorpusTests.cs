using Longshore.Core.Policies;
using Longshore.Core.Tests.Policies.BruteForce;

namespace Longshore.Core.Tests.Policies;

/// <summary>The hand-written corpus: both evaluators answer every case as AWS's documentation does.</summary>
public class CorpusTests
{
    public static TheoryData<string> Cases() => [.. Corpus.Cases.Select(static c => c.Name)];

    public static TheoryData<string> Rows() => [.. Corpus.Rows.Select(static r => r.Name)];

    public static TheoryData<string> Refusals() => [.. Corpus.Refusals.Select(static r => r.Name)];

    public static TheoryData<string> Accepted() => [.. Corpus.Accepted.Select(static r => r.Name)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_case_is_decided_as_expected(string name)
    {
        var item = Corpus.Cases.Single(c => c.Name == name);
        var decision = item.IsTrust ? Product.DecideTrust(item.Scene) : Product.Decide(item.Scene);
        var said = $"{decision.Kind} by {decision.Basis} {decision.Policy?.Source}#{decision.Statement?.Index}\n{item.Scene}";
        Assert.True(item.Expected == Product.Verdict(decision), said);
        Assert.Equal(item.Expected, item.IsTrust ? BruteForceAccess.DecideTrust(item.Scene) : BruteForceAccess.Decide(item.Scene));
        if (item.Basis is { } basis) Assert.Equal(basis, decision.Basis.ToString());
        if (item.By is { } by) Assert.Equal(by, decision.Statement is { } statement ? $"{decision.Policy!.Source}#{statement.Index}" : decision.Policy?.Source ?? "");
        var reason = AccessEvaluator.Explain(Product.Query(item.Scene), decision);
        if (item.Reason is { } expected) Assert.Equal(expected, reason);
        Assert.NotEmpty(reason);
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void A_part_is_true_false_or_unknown(string name)
    {
        var row = Corpus.Rows.Single(r => r.Name == name);
        Assert.Contains(row.Is, new[] { "true", "false", "unknown" });
        var allow = Corpus.SceneOf(row, "Allow");
        Assert.Equal(row.Is == "true" ? Verdict.Allowed : Verdict.ImplicitDeny, Product.Verdict(Product.Decide(allow)));
        Assert.Equal(row.Is == "true" ? Verdict.Allowed : Verdict.ImplicitDeny, BruteForceAccess.Decide(allow));
        var deny = Corpus.SceneOf(row, "Deny");
        Assert.Equal(row.Is == "false" ? Verdict.Allowed : Verdict.ExplicitDeny, Product.Verdict(Product.Decide(deny)));
        Assert.Equal(row.Is == "false" ? Verdict.Allowed : Verdict.ExplicitDeny, BruteForceAccess.Decide(deny));
    }

    [Theory]
    [MemberData(nameof(Refusals))]
    public void A_document_is_refused_with_the_paths_of_its_faults(string name)
    {
        var refusal = Corpus.Refusals.Single(r => r.Name == name);
        var parsed = PolicyDocument.Parse(refusal.Text, refusal.Kind);
        Assert.False(parsed.Succeeded, "It was accepted.");
        Assert.Equal(ErrorCode.InvalidParameter, parsed.Error.Code);
        // One line a fault; a member may have several.
        var lines = parsed.Error.Message.Split('\n').DistinctBy(static l => l.Split(": ")[0]).ToArray();
        foreach (var path in refusal.Paths)
            Assert.True(lines.Any(l => l.StartsWith(path + ":", StringComparison.Ordinal)), $"No line about {path} in:\n{parsed.Error.Message}");
        if (refusal.Paths.Length > 0) Assert.True(lines.Length == refusal.Paths.Length, $"Expected {refusal.Paths.Length} lines:\n{parsed.Error.Message}");

        // What is refused and yet stored denies everything.
        var stored = AttachedPolicy.Read(refusal.Kind, "stored", refusal.Text);
        Assert.Null(stored.Document);
    }

    [Theory]
    [MemberData(nameof(Accepted))]
    public void A_document_is_accepted(string name)
    {
        var accepted = Corpus.Accepted.Single(r => r.Name == name);
        var parsed = PolicyDocument.Parse(accepted.Text, accepted.Kind);
        Assert.True(parsed.Succeeded, parsed.Error?.Message);
        Assert.Equal(accepted.Text, parsed.Value.Text);
    }

    [Fact]
    public void The_corpus_is_as_large_as_it_was()
    {
        Assert.True(Corpus.Cases.Count >= 200, $"{Corpus.Cases.Count} cases");
        Assert.True(Corpus.Cases.Count + Corpus.Rows.Count >= 500, $"{Corpus.Cases.Count} cases and {Corpus.Rows.Count} rows");
        Assert.True(Corpus.Refusals.Count >= 80, $"{Corpus.Refusals.Count} refusals");
        Assert.True(Corpus.Cases.Count(static c => c.Reason is not null) >= 20);
    }
}

using System.Text;
using Longshore.Core.Policies;

namespace Longshore.Core.Tests.Policies;

/// <summary>
/// Sizes at which anything that grows faster than pattern times text would not come to an end, and depths at which recursion would.
/// </summary>
public class PolicyGrowthTests
{
    private const string Repository = "arn:aws:ecr:eu-west-1:111122223333:repository/";
    private static readonly PolicyPrincipal Alice = new(PolicyPrincipalKind.User, "111122223333", "arn:aws:iam::111122223333:user/alice");

    [Theory]
    [InlineData("*a")]
    [InlineData("a*")]
    [InlineData("*a?")]
    [InlineData("**")]
    [InlineData("?*")]
    [InlineData("*aa")]
    public void Patterns_of_many_stars_come_to_an_end(string piece)
    {
        var stars = string.Concat(Enumerable.Repeat(piece, 1000)) + "b";
        var text = new string('a', 10_000);
        var resource = Decide(Statement($"\"Action\":\"*\",\"Resource\":\"arn:aws:ecr:*:*:repository/{stars}\""), Repository + text, ConditionValues.Empty);
        Assert.Equal(DecisionKind.ImplicitDeny, resource);
        var value = Decide(
            Conditional("StringLike", $"\"{stars}\""), "*", new ConditionValues().Add("a:b", text));
        Assert.Equal(DecisionKind.ImplicitDeny, value);
        Assert.Equal(DecisionKind.Allowed, Decide(
            Conditional("StringNotLike", $"\"{stars}\""), "*", new ConditionValues().Add("a:b", text)));
    }

    [Fact]
    public void An_action_of_many_stars_comes_to_an_end() =>
        Assert.Equal(DecisionKind.ImplicitDeny, Decide(
            Statement($"\"Action\":\"ecr:{string.Concat(Enumerable.Repeat("*a", 1000))}b\",\"Resource\":\"*\""), "*", ConditionValues.Empty, "ecr:" + new string('a', 5000)));

    [Fact]
    public void An_ARN_of_many_stars_in_every_part_comes_to_an_end()
    {
        var stars = string.Concat(Enumerable.Repeat("*a", 300)) + "b";
        var part = new string('a', 3000);
        var pattern = string.Join(':', Enumerable.Repeat(stars, 5).Prepend("arn"));
        Assert.Equal(DecisionKind.ImplicitDeny, Decide(
            Conditional("ArnLike", $"\"{pattern}\""),
            "*",
            new ConditionValues().Add("a:b", string.Join(':', Enumerable.Repeat(part, 5).Prepend("arn")))));
    }

    [Theory]
    [InlineData("[", "]")]
    [InlineData("{\"Statement\":", "}")]
    [InlineData("{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":", "}}")]
    public void Depth_is_refused(string open, string close)
    {
        foreach (var depth in new[] { 65, 1000, 100_000 })
        {
            var text = new StringBuilder().Insert(0, open, depth).Append("\"*\"").Insert(0, "").Append(string.Concat(Enumerable.Repeat(close, depth))).ToString();
            Assert.False(PolicyDocument.Parse(text, PolicyKind.Identity).Succeeded);
            Assert.False(PolicyDocument.Parse(new StringBuilder().Insert(0, open, depth).ToString(), PolicyKind.Identity).Succeeded);
        }
    }

    [Theory]
    [InlineData(PolicyKind.Repository)]
    [InlineData(PolicyKind.Registry)]
    [InlineData(PolicyKind.Identity)]
    [InlineData(PolicyKind.Trust)]
    public void The_longest_document_is_read_and_a_longer_one_is_not(PolicyKind kind)
    {
        var named = kind.NamesPrincipals();
        var start = Statement((named ? "\"Principal\":\"*\"," : "") + (kind == PolicyKind.Trust ? "" : "\"Resource\":\"*\",") + "\"Action\":\"ecr:PutImage\"");
        var longest = start + new string(' ', kind.MaxLength() - start.Length);
        Assert.True(PolicyDocument.Parse(longest, kind).Succeeded);
        var refused = PolicyDocument.Parse(longest + " ", kind);
        Assert.Equal(ErrorCode.InvalidParameter, refused.Error?.Code);
        Assert.False(PolicyDocument.Parse(new string('[', 10_000_000), kind).Succeeded);
    }

    [Fact]
    public void Lists_as_long_as_a_document_can_hold_are_evaluated()
    {
        var entries = string.Join(',', Enumerable.Range(0, 5000).Select(static i => $"\"x{i}*\""));
        Assert.Equal(DecisionKind.Allowed, Decide(
            Conditional("ForAllValues:StringNotLike", $"[{entries}]"),
            "*",
            new ConditionValues().Add("a:b", [.. Enumerable.Range(0, 1000).Select(static i => $"y{i}")])));
        var statements = string.Join(',', Enumerable.Range(0, 1500).Select(static i => $$"""{"Effect":"Allow","Action":"ecr:A{{i}}","Resource":"*"}"""));
        Assert.Equal(DecisionKind.Allowed, Decide($$"""{"Statement":[{{statements}}]}""", "*", ConditionValues.Empty, "ecr:A1499"));
        Assert.Equal(DecisionKind.ImplicitDeny, Decide($$"""{"Statement":[{{statements}}]}""", "*", ConditionValues.Empty, "ecr:A1500"));
    }

    [Fact]
    public void Many_faults_make_no_endless_message()
    {
        var statements = string.Join(',', Enumerable.Repeat("""{"Effect":1,"A":2}""", 5000));
        var refused = PolicyDocument.Parse($$"""{"Statement":[{{statements}}]}""", PolicyKind.Identity);
        Assert.False(refused.Succeeded);
        Assert.True(refused.Error.Message.Length <= 2_000_000, $"{refused.Error.Message.Length} characters");
    }

    [Fact]
    public void A_value_that_looks_like_a_wildcard_inside_never_allows()
    {
        // U+E000 and U+E001 stand for * and ? inside the product; who may choose a tag may choose them.
        foreach (var value in new[] { "\ue000", "\ue001\ue001\ue001", "a\ue000", "*", "???" })
        {
            Assert.Equal(DecisionKind.ImplicitDeny, Decide(
                """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:ecr:*:*:repository/${aws:PrincipalTag/a}"}}""",
                Repository + "app",
                new ConditionValues().Add("aws:PrincipalTag/a", value)));
            Assert.Equal(DecisionKind.ImplicitDeny, Decide(
                """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:ResourceTag/a":"${aws:PrincipalTag/a}"}}}}""",
                Repository + "app",
                new ConditionValues().Add("aws:PrincipalTag/a", value).Add("aws:ResourceTag/a", "app")));
        }
    }

    private static string Statement(string members) => $$"""{"Statement":{"Effect":"Allow",{{members}}""" + "}}";

    private static string Conditional(string name, string values) =>
        Statement($$"""
            "Action":"*","Resource":"*","Condition":{"{{name}}":{"a:b":{{values}}
            """ + "}}");

    private static DecisionKind Decide(string policy, string resource, ConditionValues context, string action = "ecr:PutImage")
    {
        var parsed = PolicyDocument.Parse(policy, PolicyKind.Identity);
        Assert.True(parsed.Succeeded, parsed.Error?.Message);
        var policies = new ApplicablePolicies { Identity = new PolicySet([new AttachedPolicy(PolicyKind.Identity, "grown", parsed.Value)]) };
        return AccessEvaluator.Decide(new AccessQuery(Alice, action, resource, "111122223333", context), policies).Kind;
    }
}

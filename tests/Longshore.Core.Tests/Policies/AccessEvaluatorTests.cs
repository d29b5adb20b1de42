using Longshore.Core.Policies;

namespace Longshore.Core.Tests.Policies;

/// <summary>The evaluator at a glance; the corpus and the properties are beside it.</summary>
public sealed class AccessEvaluatorTests
{
    private const string Home = "111111111111";
    private const string Away = "222222222222";
    private const string Repository = "arn:aws:ecr:us-east-1:111111111111:repository/team/app";
    private static readonly PolicyPrincipal Alice = new(PolicyPrincipalKind.User, Home, "arn:aws:iam::111111111111:user/alice");

    [Fact]
    public void Nothing_allows_by_default() =>
        Assert.Equal(Decision.NothingAllows(DecisionBasis.Identity), Decide(Alice, ApplicablePolicies.None));

    [Fact]
    public void An_identity_policy_allows_and_is_named()
    {
        var decision = Decide(Alice, new ApplicablePolicies { Identity = Set(PolicyKind.Identity, """{"Statement":{"Sid":"Push","Effect":"Allow","Action":"ecr:Put*","Resource":"arn:aws:ecr:*:111111111111:repository/team/*"}}""") });
        Assert.True(decision.IsAllowed);
        Assert.Equal(DecisionBasis.Identity, decision.Basis);
        Assert.Equal("Push", decision.Statement!.Sid);
    }

    [Fact]
    public void A_denial_wins_and_is_explained()
    {
        var policies = new ApplicablePolicies
        {
            Identity = Set(PolicyKind.Identity, """{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"""),
            Resource = Set(PolicyKind.Repository, """{"Statement":{"Effect":"Deny","Principal":"*","Action":"ecr:PutImage"}}"""),
        };
        var query = Query(Alice);
        var decision = AccessEvaluator.Decide(query, policies);
        Assert.Equal(DecisionKind.ExplicitDeny, decision.Kind);
        Assert.Equal(
            $"User: {Alice.Arn} is not authorized to perform: ecr:PutImage on resource: {Repository} with an explicit deny in a resource-based policy",
            AccessEvaluator.Explain(query, decision));
    }

    [Fact]
    public void Another_account_needs_both_sides()
    {
        var bob = new PolicyPrincipal(PolicyPrincipalKind.User, Away, "arn:aws:iam::222222222222:user/bob");
        var identity = Set(PolicyKind.Identity, """{"Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}""");
        var resource = Set(PolicyKind.Repository, """{"Statement":{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"ecr:*"}}""");
        Assert.Equal(DecisionBasis.Resource, Decide(bob, new ApplicablePolicies { Identity = identity }).Basis);
        Assert.Equal(DecisionBasis.Identity, Decide(bob, new ApplicablePolicies { Resource = resource }).Basis);
        Assert.True(Decide(bob, new ApplicablePolicies { Identity = identity, Resource = resource }).IsAllowed);
    }

    [Fact]
    public void A_statement_knows_its_place()
    {
        var document = PolicyDocument.Parse("{\n  \"Statement\": [\n    {\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}\n  ]\n}", PolicyKind.Identity).Value;
        Assert.Equal(new PolicyPosition(3, 5), document.Statements[0].Start);
        Assert.Equal(new PolicyPosition(3, 56), document.Statements[0].End);
    }

    [Fact]
    public void All_faults_are_told_with_their_paths()
    {
        var error = PolicyDocument.Parse("""{"Version":"2020","Statement":[{"Effect":"Permit","Action":"PutImage","Resource":"*"},{"Effect":"Allow","Action":[],"Principal":"*"}]}""", PolicyKind.Identity).Error!;
        Assert.Contains("Version:", error.Message, StringComparison.Ordinal);
        Assert.Contains("Statement[0].Effect:", error.Message, StringComparison.Ordinal);
        Assert.Contains("Statement[0].Action: 'PutImage'", error.Message, StringComparison.Ordinal);
        Assert.Contains("Statement[1].Action:", error.Message, StringComparison.Ordinal);
        Assert.Contains("Statement[1].Principal:", error.Message, StringComparison.Ordinal);
        Assert.Contains("Statement[1].Resource:", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_variable_puts_in_no_wildcard()
    {
        var identity = Set(PolicyKind.Identity, """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:ecr:*:*:repository/${aws:username}/app"}}""");
        Assert.True(Decide(Alice, new ApplicablePolicies { Identity = identity }, new ConditionValues().Add("aws:username", "team")).IsAllowed);
        Assert.False(Decide(Alice, new ApplicablePolicies { Identity = identity }, new ConditionValues().Add("aws:username", "*")).IsAllowed);
        Assert.False(Decide(Alice, new ApplicablePolicies { Identity = identity }).IsAllowed);
    }

    private static PolicySet Set(PolicyKind kind, string text) => new([new AttachedPolicy(kind, "test", PolicyDocument.Parse(text, kind).Value)]);

    private static AccessQuery Query(PolicyPrincipal principal, IConditionContext? context = null) =>
        new(principal, "ecr:PutImage", Repository, Home, context ?? ConditionValues.Empty);

    private static Decision Decide(PolicyPrincipal principal, ApplicablePolicies policies, IConditionContext? context = null) =>
        AccessEvaluator.Decide(Query(principal, context), policies);
}

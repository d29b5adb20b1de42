using Longshore.Core.Policies;

namespace Longshore.Core.Tests.Policies;

/// <summary>A policy that has a say in some actions only, as a registry's under the scope V1.</summary>
public class RegistryScopeTests
{
    private static readonly PolicyPrincipal Away = new(PolicyPrincipalKind.Root, "444455556666", "arn:aws:iam::444455556666:root");
    private static readonly PolicyPrincipal Home = new(PolicyPrincipalKind.User, "111122223333", "arn:aws:iam::111122223333:user/alice");

    [Theory]
    [InlineData("ecr:ReplicateImage", DecisionKind.Allowed)]
    [InlineData("ECR:replicateimage", DecisionKind.Allowed)]
    [InlineData("ecr:BatchGetImage", DecisionKind.ImplicitDeny)]
    public void It_allows_those_only(string action, DecisionKind expected) =>
        Assert.Equal(expected, Decide(Away, action, """{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}"""));

    [Theory]
    [InlineData("ecr:ReplicateImage", DecisionKind.ExplicitDeny)]
    [InlineData("ecr:BatchGetImage", DecisionKind.Allowed)]
    public void It_denies_those_only(string action, DecisionKind expected) =>
        Assert.Equal(expected, Decide(Home, action, """{"Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}"""));

    [Theory]
    [InlineData("ecr:ReplicateImage", DecisionKind.ExplicitDeny)]
    [InlineData("ecr:BatchGetImage", DecisionKind.Allowed)]
    public void It_denies_those_only_when_it_cannot_be_read(string action, DecisionKind expected) => Assert.Equal(expected, Decide(Home, action, "{"));

    private static DecisionKind Decide(PolicyPrincipal who, string action, string registry)
    {
        var everything = AttachedPolicy.Read(PolicyKind.Identity, "everything", """{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}""");
        var limited = AttachedPolicy.Read(PolicyKind.Registry, "registry", registry) with { OnlyFor = ["ecr:ReplicateImage", "ecr:CreateRepository"] };
        var policies = new ApplicablePolicies { Identity = new PolicySet([everything]), Resource = new PolicySet([limited]) };
        var query = new AccessQuery(who, action, "arn:aws:ecr:eu-west-1:111122223333:repository/app", "111122223333", ConditionValues.Empty);
        return AccessEvaluator.Decide(query, policies).Kind;
    }
}

using System.Text.Json;
using Longshore.Core.Policies;

namespace Longshore.Core.Tests.Policies;

public sealed class AwsManagedPoliciesTests
{
    [Theory]
    [InlineData("FullAccess", 2, 2)]
    [InlineData("PowerUser", 1, 16)]
    [InlineData("PullOnly", 1, 4)]
    [InlineData("ReadOnly", 1, 12)]
    public void The_policies_of_ECR_are_there_by_their_ARNs(string name, int statements, int actions)
    {
        var policy = AwsManagedPolicies.Find("arn:aws:iam::aws:policy/AmazonEC2ContainerRegistry" + name);
        Assert.NotNull(policy);
        using var document = JsonDocument.Parse(policy.Document);
        var list = document.RootElement.GetProperty("Statement");
        Assert.Equal(statements, list.GetArrayLength());
        Assert.Equal(actions, list[0].GetProperty("Action").GetArrayLength());
        Assert.Matches(@"\AANPA[A-Z0-9]{17}\z", policy.Id);
    }
}

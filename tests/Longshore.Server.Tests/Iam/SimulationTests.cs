namespace Longshore.Server.Tests.Iam;

/// <summary>Simulations: what the gate would decide.</summary>
[Collection(IamCollection.Name)]
public sealed class SimulationTests(IamFixture iam)
{
    private const string Repository = "arn:aws:ecr:us-east-1:123456789012:repository/team/app";

    [Fact]
    public async Task A_user_may_do_what_its_group_gives_within_its_boundary()
    {
        var (user, group, limit) = (await iam.NewUserAsync(), iam.NewName("group"), iam.NewName("limit"));
        await iam.CallAsync("CreateGroup", ("GroupName", group));
        await iam.CallAsync("AddUserToGroup", ("GroupName", group), ("UserName", user));
        await iam.CallAsync("PutGroupPolicy", ("GroupName", group), ("PolicyName", "all"), ("PolicyDocument",
            """
            {"Version":"2012-10-17","Statement":[
              {"Effect":"Allow","Action":"ecr:*","Resource":"arn:aws:ecr:*:*:repository/team/*"},
              {"Effect":"Deny","Action":"ecr:DeleteRepository","Resource":"*"}]}
            """));
        await iam.CallAsync("AttachUserPolicy", ("UserName", user), ("PolicyArn", "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"));
        var arn = $"arn:aws:iam::{IamFixture.Account}:user/{user}";
        var answer = await iam.CallAsync(
            "SimulatePrincipalPolicy",
            ("PolicySourceArn", arn), ("ActionNames.member.1", "ecr:PutImage"), ("ActionNames.member.2", "ecr:DeleteRepository"), ("ActionNames.member.3", "iam:GetUser"),
            ("ActionNames.member.4", "ecr:BatchGetImage"), ("ResourceArns.member.1", Repository));
        Assert.Equal(["allowed", "explicitDeny", "implicitDeny", "allowed"], answer.All("EvalDecision"));
        Assert.Equal(Repository, answer["EvalResourceName"]);
        Assert.Equal("group", answer["SourcePolicyType"]);
        Assert.Equal("2", answer["Line"]);

        var policy = await iam.CallAsync("CreatePolicy", ("PolicyName", limit), ("PolicyDocument", """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:Batch*","Resource":"*"}}"""));
        await iam.CallAsync("PutUserPermissionsBoundary", ("UserName", user), ("PermissionsBoundary", policy["Arn"]));
        answer = await iam.CallAsync(
            "SimulatePrincipalPolicy", ("PolicySourceArn", arn), ("ActionNames.member.1", "ecr:PutImage"), ("ActionNames.member.2", "ecr:BatchGetImage"), ("ResourceArns.member.1", Repository));
        Assert.Equal(["implicitDeny", "allowed"], answer.All("EvalDecision"));
        Assert.Equal("false", answer["AllowedByPermissionsBoundary"]);
    }

    [Fact]
    public async Task Custom_policies_are_decided_with_context_and_by_pages()
    {
        const string Policy =
            """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"StringEquals":{"ecr:ResourceTag/team":"${aws:PrincipalTag/team}"}}}}""";
        var keys = await iam.CallAsync("GetContextKeysForCustomPolicy", ("PolicyInputList.member.1", Policy));
        Assert.Equal(["aws:PrincipalTag/team", "aws:SourceIp", "ecr:ResourceTag/team"], keys.All("member"));
        (string, string)[] members =
        [
            ("PolicyInputList.member.1", Policy), ("ActionNames.member.1", "ecr:PutImage"), ("ActionNames.member.2", "ecr:ListImages"), ("ActionNames.member.3", "sts:AssumeRole"),
            ("ContextEntries.member.1.ContextKeyName", "aws:SourceIp"), ("ContextEntries.member.1.ContextKeyValues.member.1", "10.1.2.3"), ("ContextEntries.member.1.ContextKeyType", "ip"),
            ("ContextEntries.member.2.ContextKeyName", "ecr:ResourceTag/team"), ("ContextEntries.member.2.ContextKeyValues.member.1", "a"), ("ContextEntries.member.2.ContextKeyType", "string"),
        ];
        var without = await iam.CallAsync("SimulateCustomPolicy", members);
        Assert.Equal(["implicitDeny", "implicitDeny", "implicitDeny"], without.All("EvalDecision"));
        Assert.Equal("aws:PrincipalTag/team", Assert.Single(without.Find("MissingContextValues")!.Elements()).Value);
        members = [.. members, ("ContextEntries.member.3.ContextKeyName", "aws:PrincipalTag/team"), ("ContextEntries.member.3.ContextKeyValues.member.1", "a"), ("ContextEntries.member.3.ContextKeyType", "string"), ("MaxItems", "2")];
        var first = await iam.CallAsync("SimulateCustomPolicy", members);
        Assert.Equal(["allowed", "allowed"], first.All("EvalDecision"));
        var rest = await iam.CallAsync("SimulateCustomPolicy", [.. members, ("Marker", first["Marker"])]);
        Assert.Equal(["implicitDeny"], rest.All("EvalDecision"));
        Assert.Equal("false", rest["IsTruncated"]);
    }

    [Fact]
    public async Task Another_account_needs_the_resource_policy_too()
    {
        const string Allow = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}""";
        const string Shared = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"ecr:BatchGetImage"}}""";
        (string, string)[] members =
        [
            ("PolicyInputList.member.1", Allow), ("ActionNames.member.1", "ecr:BatchGetImage"), ("ActionNames.member.2", "ecr:PutImage"),
            ("ResourceArns.member.1", Repository.Replace("123456789012", "210987654321", StringComparison.Ordinal)),
            ("CallerArn", "arn:aws:iam::123456789012:user/anna"),
        ];
        Assert.Equal(["implicitDeny", "implicitDeny"], (await iam.CallAsync("SimulateCustomPolicy", members)).All("EvalDecision"));
        Assert.Equal(["allowed", "implicitDeny"], (await iam.CallAsync("SimulateCustomPolicy", [.. members, ("ResourcePolicy", Shared)])).All("EvalDecision"));
    }

    [Fact]
    public async Task Wrong_questions_are_refused()
    {
        await iam.RefusedAsync("NoSuchEntity", 404, "SimulatePrincipalPolicy", ("PolicySourceArn", $"arn:aws:iam::{IamFixture.Account}:user/nobody-at-all"), ("ActionNames.member.1", "ecr:PutImage"));
        await iam.RefusedAsync("InvalidInput", 400, "SimulatePrincipalPolicy", ("PolicySourceArn", "arn:aws:iam::999999999999:user/anna-x"), ("ActionNames.member.1", "ecr:PutImage"));
        Assert.Contains("PolicyInputList.1", await iam.RefusedAsync("InvalidInput", 400, "SimulateCustomPolicy", ("PolicyInputList.member.1", "{}"), ("ActionNames.member.1", "ecr:PutImage")), StringComparison.Ordinal);
    }
}

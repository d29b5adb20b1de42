using Longshore.Core.Aws.Iam;
using Longshore.Server.Iam;

namespace Longshore.Server.Tests.Iam;

/// <summary>Who may do what with IAM itself.</summary>
[Collection(IamCollection.Name)]
public sealed class DelegationTests(IamFixture iam)
{
    [Fact]
    public async Task Without_a_policy_every_operation_is_denied_before_anything_is_looked_up()
    {
        var (_, key) = await iam.NewUserWithKeyAsync();
        (string, string)[] members =
        [
            ("UserName", "nobody-at-all"), ("GroupName", "nobody-at-all"), ("RoleName", "nobody-at-all"), ("PolicyName", "nothing"), ("VersionId", "v1"), ("AccessKeyId", "AKIAAAAAAAAAAAAAAAAA"),
            ("PolicyArn", $"arn:aws:iam::{IamFixture.Account}:policy/nothing"), ("PolicySourceArn", $"arn:aws:iam::{IamFixture.Account}:user/nobody-at-all"),
            ("OpenIDConnectProviderArn", $"arn:aws:iam::{IamFixture.Account}:oidc-provider/nowhere.example"), ("Url", "https://nowhere.example"), ("ClientID", "a"), ("Status", "Active"),
            ("PolicyDocument", "{}"), ("AssumeRolePolicyDocument", "{}"), ("PermissionsBoundary", $"arn:aws:iam::{IamFixture.Account}:policy/nothing"), ("NewUserName", "other"),
            ("ActionNames.member.1", "ecr:PutImage"), ("PolicyInputList.member.1", "{}"), ("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "b"), ("TagKeys.member.1", "a"),
            ("ThumbprintList.member.1", new string('a', 40)), ("Description", "d"),
        ];
        Assert.Equal(IamOperations.All.Count, IamOperationTable.All.Count);
        foreach (var operation in IamOperationTable.All.Values)
        {
            var answer = await iam.SendAsync(operation.Wire.Name, key, members);
            Assert.True(answer.Error == "AccessDenied", $"{operation.Wire.Name}: {answer}");
            Assert.Contains($"is not authorized to perform: {operation.Action} on resource: ", answer.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Who_administers_users_within_a_boundary_cannot_get_beyond_it()
    {
        var limit = (await iam.CallAsync("CreatePolicy", ("PolicyName", iam.NewName("limit")), ("PolicyDocument", IamFixture.Document)))["Arn"];
        var path = $"/{iam.NewName("team")}/";
        var (_, key) = await iam.NewUserWithKeyAsync(
            $$$$"""
            {"Version":"2012-10-17","Statement":[
              {"Effect":"Allow","Action":["iam:CreateUser","iam:PutUserPolicy","iam:PutUserPermissionsBoundary"],"Resource":"arn:aws:iam::*:user{{{{path}}}}*",
               "Condition":{"StringEquals":{"iam:PermissionsBoundary":"{{{{limit}}}}"}}},
              {"Effect":"Allow","Action":"iam:AttachUserPolicy","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"}}}]}
            """);
        var user = iam.NewName("limited");
        Assert.Equal("AccessDenied", (await iam.SendAsync("CreateUser", key, ("UserName", user), ("Path", path))).Error);
        Assert.Equal("AccessDenied", (await iam.SendAsync("CreateUser", key, ("UserName", user), ("PermissionsBoundary", limit))).Error);
        Assert.Null((await iam.SendAsync("CreateUser", key, ("UserName", user), ("Path", path), ("PermissionsBoundary", limit))).Error);
        Assert.Null((await iam.SendAsync("PutUserPolicy", key, ("UserName", user), ("PolicyName", "p"), ("PolicyDocument", IamFixture.Document))).Error);
        Assert.Equal("AccessDenied", (await iam.SendAsync("DeleteUserPermissionsBoundary", key, ("UserName", user))).Error);
        var other = (await iam.CallAsync("CreatePolicy", ("PolicyName", iam.NewName("wide")), ("PolicyDocument", IamFixture.Document)))["Arn"];
        Assert.Equal("AccessDenied", (await iam.SendAsync("PutUserPermissionsBoundary", key, ("UserName", user), ("PermissionsBoundary", other))).Error);
        // Nor over a user without the boundary, in the same path.
        var free = iam.NewName("free");
        await iam.CallAsync("CreateUser", ("UserName", free), ("Path", path));
        Assert.Equal("AccessDenied", (await iam.SendAsync("PutUserPolicy", key, ("UserName", free), ("PolicyName", "p"), ("PolicyDocument", IamFixture.Document))).Error);
        Assert.Null((await iam.SendAsync("AttachUserPolicy", key, ("UserName", user), ("PolicyArn", "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"))).Error);
        Assert.Equal("AccessDenied", (await iam.SendAsync("AttachUserPolicy", key, ("UserName", user), ("PolicyArn", "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryFullAccess"))).Error);
    }

    [Fact]
    public async Task Tags_of_the_resource_and_of_the_request_decide()
    {
        var (_, key) = await iam.NewUserWithKeyAsync(
            """
            {"Version":"2012-10-17","Statement":[
              {"Effect":"Allow","Action":"iam:CreateUser","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"a"},"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}},
              {"Effect":"Allow","Action":"iam:DeleteUser","Resource":"*","Condition":{"StringEquals":{"iam:ResourceTag/team":"a","aws:ResourceTag/team":"a"}}}]}
            """);
        var (mine, theirs) = (iam.NewName("mine"), iam.NewName("theirs"));
        Assert.Equal("AccessDenied", (await iam.SendAsync("CreateUser", key, ("UserName", mine), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "b"))).Error);
        Assert.Null((await iam.SendAsync("CreateUser", key, ("UserName", mine), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "a"))).Error);
        await iam.CallAsync("CreateUser", ("UserName", theirs), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "b"));
        Assert.Equal("AccessDenied", (await iam.SendAsync("DeleteUser", key, ("UserName", theirs))).Error);
        Assert.Null((await iam.SendAsync("DeleteUser", key, ("UserName", mine))).Error);
    }

    [Fact]
    public async Task Who_may_rename_users_of_a_path_can_move_none_out_of_it()
    {
        var (path, group) = ($"/{iam.NewName("team")}/", iam.NewName("group"));
        var (_, key) = await iam.NewUserWithKeyAsync(
            $$$"""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:UpdateUser","iam:UpdateGroup"],"Resource":["arn:aws:iam::*:user{{{path}}}*","arn:aws:iam::*:group{{{path}}}*"]}}""");
        var user = iam.NewName("moving");
        await iam.CallAsync("CreateUser", ("UserName", user), ("Path", path));
        await iam.CallAsync("CreateGroup", ("GroupName", group), ("Path", path));
        Assert.Equal("AccessDenied", (await iam.SendAsync("UpdateUser", key, ("UserName", user), ("NewPath", "/admin/"))).Error);
        Assert.Equal("AccessDenied", (await iam.SendAsync("UpdateUser", key, ("UserName", user), ("NewPath", "/"), ("NewUserName", iam.NewName("boss")))).Error);
        Assert.Equal("AccessDenied", (await iam.SendAsync("UpdateGroup", key, ("GroupName", group), ("NewPath", "/admin/"))).Error);
        var renamed = iam.NewName("renamed");
        Assert.Null((await iam.SendAsync("UpdateUser", key, ("UserName", user), ("NewUserName", renamed), ("NewPath", path + "sub/"))).Error);
        Assert.Equal($"arn:aws:iam::{IamFixture.Account}:user{path}sub/{renamed}", (await iam.CallAsync("GetUser", ("UserName", renamed)))["Arn"]);
    }

    [Fact]
    public async Task Calls_are_in_the_trail_without_the_secret()
    {
        var (name, key) = await iam.NewUserWithKeyAsync();
        await iam.SendAsync("DeleteUser", key, ("UserName", name));
        var (_, json) = await iam.ManageAsync(HttpMethod.Get, "trail?maxResults=1000", null);
        var text = json.GetRawText();
        Assert.DoesNotContain(key.Secret, text, StringComparison.Ordinal);
        var records = json.EnumerateObject().Select(member => member.Value).First(value => value.ValueKind == System.Text.Json.JsonValueKind.Array).EnumerateArray().Select(item => item.GetRawText())
            .Where(item => item.Contains(name, StringComparison.Ordinal) && item.Contains("iam.amazonaws.com", StringComparison.Ordinal)).ToList();
        Assert.Contains(records, item => item.Contains("\"CreateUser\"", StringComparison.Ordinal) && item.Contains("AIDA", StringComparison.Ordinal));
        Assert.Contains(records, item => item.Contains("\"CreateAccessKey\"", StringComparison.Ordinal) && item.Contains(key.Id, StringComparison.Ordinal));
        Assert.Contains(records, item => item.Contains("\"DeleteUser\"", StringComparison.Ordinal) && item.Contains("AccessDenied", StringComparison.Ordinal));
    }
}

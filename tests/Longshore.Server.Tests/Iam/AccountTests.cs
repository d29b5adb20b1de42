using System.Net;

namespace Longshore.Server.Tests.Iam;

/// <summary>Several accounts in one server: none sees anything of another.</summary>
[Collection(IamCollection.Name)]
public sealed class AccountTests(IamFixture iam)
{
    [Fact]
    public async Task An_account_is_made_once_and_its_key_shown_once()
    {
        const string Account = "210000000001";
        var key = await iam.NewAccountAsync(Account);
        Assert.Equal($"arn:aws:iam::{Account}:root", (await iam.SendAsync("GetUser", key))["Arn"]);
        var (status, again) = await iam.ManageAsync(HttpMethod.Post, "accounts", new { account = Account });
        Assert.Equal((HttpStatusCode.OK, false), (status, again.GetProperty("created").GetBoolean()));
        Assert.False(again.TryGetProperty("secretAccessKey", out var secret) && secret.ValueKind == System.Text.Json.JsonValueKind.String);
        var listed = await iam.ManageAsync(HttpMethod.Get, "accounts", null);
        Assert.Contains(Account, listed.Json.GetProperty("accounts").EnumerateArray().Select(item => item.GetProperty("account").GetString()));

        Assert.Equal(HttpStatusCode.BadRequest, (await iam.ManageAsync(HttpMethod.Post, "accounts", new { account = "12" })).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await iam.ManageAsync(HttpMethod.Post, "accounts", new { account = "210000000009" }, key)).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await iam.ManageAsync(HttpMethod.Get, "accounts", null, key)).Status);
        var (_, admin) = await iam.NewUserWithKeyAsync("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}""");
        Assert.Equal(HttpStatusCode.Forbidden, (await iam.ManageAsync(HttpMethod.Get, "accounts", null, admin)).Status);
    }

    [Fact]
    public async Task One_account_never_sees_another()
    {
        var other = await iam.NewAccountAsync("210000000002");
        var name = iam.NewName("shared");
        await iam.CallAsync("CreateUser", ("UserName", name));
        await iam.CallAsync("CreateRole", ("RoleName", name), ("AssumeRolePolicyDocument", IamFixture.Trust));
        await iam.CallAsync("CreateGroup", ("GroupName", name));
        var arn = (await iam.CallAsync("CreatePolicy", ("PolicyName", name), ("PolicyDocument", IamFixture.Document)))["Arn"];
        await iam.CallAsync("AttachUserPolicy", ("UserName", name), ("PolicyArn", "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser"));
        var provider = (await iam.CallAsync("CreateOpenIDConnectProvider", ("Url", $"https://{name}.example"), ("ClientIDList.member.1", "sts.amazonaws.com")))["OpenIDConnectProviderArn"];
        var key = await iam.CallAsync("CreateAccessKey", ("UserName", name));

        foreach (var (action, kind) in new[] { ("ListUsers", "UserName"), ("ListRoles", "RoleName"), ("ListGroups", "GroupName") })
            Assert.Empty((await iam.SendAsync(action, other)).All(kind));
        Assert.Empty((await iam.SendAsync("ListPolicies", other, ("Scope", "Local"))).All("Arn"));
        Assert.Empty((await iam.SendAsync("ListOpenIDConnectProviders", other)).All("Arn"));
        Assert.Empty((await iam.SendAsync("GetAccountAuthorizationDetails", other)).All("Arn"));
        (string, (string, string))[] asked =
        [
            ("GetUser", ("UserName", name)), ("GetRole", ("RoleName", name)), ("GetGroup", ("GroupName", name)), ("DeleteUser", ("UserName", name)),
            ("CreateAccessKey", ("UserName", name)), ("GetPolicy", ("PolicyArn", arn)), ("DeletePolicy", ("PolicyArn", arn)), ("ListEntitiesForPolicy", ("PolicyArn", arn)),
            ("GetOpenIDConnectProvider", ("OpenIDConnectProviderArn", provider)), ("DeleteOpenIDConnectProvider", ("OpenIDConnectProviderArn", provider)),
            ("GetAccessKeyLastUsed", ("AccessKeyId", key["AccessKeyId"])),
        ];
        foreach (var (action, member) in asked)
        {
            // A root has no say in another account's ARNs, or does not find what they name: nothing is told either way.
            var answer = await iam.SendAsync(action, other, member);
            Assert.True(answer.Error is "NoSuchEntity" or "AccessDenied", $"{action}: {answer}");
        }

        // The same names are free there, and AWS's policies are counted for each account by itself.
        Assert.Null((await iam.SendAsync("CreateUser", other, ("UserName", name))).Error);
        Assert.Equal("0", (await iam.SendAsync("GetPolicy", other, ("PolicyArn", "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser")))["AttachmentCount"]);
        Assert.Equal("NoSuchEntity", (await iam.SendAsync("AttachUserPolicy", other, ("UserName", name), ("PolicyArn", arn))).Error);
        Assert.Equal("NoSuchEntity", (await iam.SendAsync("PutUserPermissionsBoundary", other, ("UserName", name), ("PermissionsBoundary", arn))).Error);
        Assert.Equal("NoSuchEntity", (await iam.SendAsync("DeleteAccessKey", other, ("UserName", name), ("AccessKeyId", key["AccessKeyId"]))).Error);
    }
}

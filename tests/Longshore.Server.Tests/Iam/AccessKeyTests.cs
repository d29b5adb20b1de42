using System.Text;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Iam;

/// <summary>Access keys: made, used, rotated, disabled; their secrets shown once and nowhere else.</summary>
[Collection(IamCollection.Name)]
public sealed class AccessKeyTests(IamFixture iam)
{
    private const string Self = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::*:user/${aws:username}"}}""";

    [Fact]
    public async Task A_user_may_do_nothing_until_a_policy_says_so()
    {
        var (name, key) = await iam.NewUserWithKeyAsync();
        var denied = await iam.SendAsync("GetUser", key);
        Assert.Equal(("AccessDenied", 403), (denied.Error, (int)denied.Status));
        Assert.Equal(
            $"User: arn:aws:iam::{IamFixture.Account}:user/{name} is not authorized to perform: iam:GetUser on resource: arn:aws:iam::{IamFixture.Account}:user/{name} because no identity-based policy allows the iam:GetUser action",
            denied.Message);
        await iam.CallAsync("PutUserPolicy", ("UserName", name), ("PolicyName", "own"), ("PolicyDocument", Self));
        Assert.Equal(name, (await iam.SendAsync("GetUser", key))["UserName"]);
        Assert.Equal("AccessDenied", (await iam.SendAsync("GetUser", key, ("UserName", await iam.NewUserAsync()))).Error);
        Assert.Equal("AccessDenied", (await iam.SendAsync("GetUser", key, ("UserName", "nobody-at-all"))).Error);
    }

    [Fact]
    public async Task A_user_rotates_its_own_key()
    {
        var (name, old) = await iam.NewUserWithKeyAsync(Self);
        var made = await iam.SendAsync("CreateAccessKey", old);
        var fresh = (Id: made["AccessKeyId"], Secret: made["SecretAccessKey"]);
        Assert.Equal("Cannot exceed quota for AccessKeysPerUser: 2", (await iam.SendAsync("CreateAccessKey", old)).Message);
        await iam.SendAsync("UpdateAccessKey", fresh, ("AccessKeyId", old.Id), ("Status", "Inactive"));
        Assert.Equal("InvalidClientTokenId", (await iam.SendAsync("ListAccessKeys", old)).Error);
        var listed = await iam.SendAsync("ListAccessKeys", fresh);
        Assert.Equal(["Active", "Inactive"], listed.All("Status").Order());
        Assert.Empty(listed.All("SecretAccessKey"));
        await iam.CallAsync("UpdateAccessKey", ("UserName", name), ("AccessKeyId", old.Id), ("Status", "Active"));
        Assert.Null((await iam.SendAsync("ListAccessKeys", old)).Error);
        await iam.CallAsync("DeleteAccessKey", ("UserName", name), ("AccessKeyId", old.Id));
        Assert.Equal("InvalidClientTokenId", (await iam.SendAsync("ListAccessKeys", old)).Error);
        await iam.RefusedAsync("NoSuchEntity", 404, "DeleteAccessKey", ("UserName", name), ("AccessKeyId", old.Id));
        await iam.RefusedAsync("NoSuchEntity", 404, "UpdateAccessKey", ("UserName", await iam.NewUserAsync()), ("AccessKeyId", fresh.Id), ("Status", "Inactive"));
        await iam.RefusedAsync("DeleteConflict", 409, "DeleteUser", ("UserName", name));
    }

    [Fact]
    public async Task Last_use_is_told_of_keys_of_the_account_only()
    {
        var (name, key) = await iam.NewUserWithKeyAsync();
        var unused = await iam.CallAsync("GetAccessKeyLastUsed", ("AccessKeyId", key.Id));
        Assert.Equal((name, "N/A", "N/A"), (unused["UserName"], unused["ServiceName"], unused["Region"]));
        await iam.RefusedAsync("NoSuchEntity", 404, "GetAccessKeyLastUsed", ("AccessKeyId", "AKIAAAAAAAAAAAAAAAAA"));
    }

    [Fact]
    public async Task The_roots_own_keys_are_listed_without_a_name_given()
    {
        Assert.Contains(iam.Server.Options.AccessKeyId, (await iam.CallAsync("ListAccessKeys")).All("AccessKeyId"));
        Assert.Equal($"arn:aws:iam::{IamFixture.Account}:root", (await iam.CallAsync("GetUser"))["Arn"]);
    }

    [Fact]
    public async Task A_secret_is_nowhere_in_what_the_server_wrote()
    {
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = ["--log-level", "trace"] }, IamFixture.Token);
        var root = (server.Options.AccessKeyId, server.Options.SecretAccessKey);
        await IamFixture.SendAsync(server, iam.Http, root, "CreateUser", ("UserName", "anna"));
        var secret = (await IamFixture.SendAsync(server, iam.Http, root, "CreateAccessKey", ("UserName", "anna")))["SecretAccessKey"];
        Assert.DoesNotContain(secret, (await IamFixture.SendAsync(server, iam.Http, root, "GetAccountAuthorizationDetails")).Xml.ToString(), StringComparison.Ordinal);
        await server.StopAsync(IamFixture.Token);
        Assert.DoesNotContain(secret, server.Output, StringComparison.Ordinal);
        foreach (var file in Directory.EnumerateFiles(server.DataDirectory, "*", SearchOption.AllDirectories))
            Assert.False((await File.ReadAllBytesAsync(file, IamFixture.Token)).AsSpan().IndexOf(Encoding.ASCII.GetBytes(secret)) >= 0, file);
    }
}

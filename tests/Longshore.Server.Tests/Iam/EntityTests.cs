namespace Longshore.Server.Tests.Iam;

/// <summary>Users, groups and roles by IAM's query API.</summary>
[Collection(IamCollection.Name)]
public sealed class EntityTests(IamFixture iam)
{
    [Fact]
    public async Task A_user_is_created_found_renamed_moved_and_deleted()
    {
        var (name, other) = (iam.NewName("Anna"), iam.NewName("Berta"));
        var created = await iam.CallAsync("CreateUser", ("UserName", name), ("Path", "/team/"), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "a"));
        Assert.Equal($"arn:aws:iam::{IamFixture.Account}:user/team/{name}", created["Arn"]);
        Assert.Matches(@"\AAIDA[A-Z2-7]{17}\z", created["UserId"]);
        Assert.Equal("https://iam.amazonaws.com/doc/2010-05-08/", created.Xml.Name.NamespaceName);
        Assert.Equal("CreateUserResponse", created.Xml.Name.LocalName);

        var found = await iam.CallAsync("GetUser", ("UserName", name.ToUpperInvariant()));
        Assert.Equal((name, created["UserId"], "team"), (found["UserName"], found["UserId"], found["Key"]));
        Assert.Equal($"User with name {name.ToUpperInvariant()} already exists.", await iam.RefusedAsync("EntityAlreadyExists", 409, "CreateUser", ("UserName", name.ToUpperInvariant())));

        await iam.CallAsync("UpdateUser", ("UserName", name), ("NewUserName", other), ("NewPath", "/"));
        Assert.Equal($"arn:aws:iam::{IamFixture.Account}:user/{other}", (await iam.CallAsync("GetUser", ("UserName", other)))["Arn"]);
        Assert.Equal($"The user with name {name} cannot be found.", await iam.RefusedAsync("NoSuchEntity", 404, "GetUser", ("UserName", name)));
        // A name may change its case alone.
        await iam.CallAsync("UpdateUser", ("UserName", other), ("NewUserName", other.ToUpperInvariant()));
        Assert.Equal(other.ToUpperInvariant(), (await iam.CallAsync("GetUser", ("UserName", other)))["UserName"]);

        await iam.CallAsync("DeleteUser", ("UserName", other));
        await iam.RefusedAsync("NoSuchEntity", 404, "DeleteUser", ("UserName", other));
    }

    [Fact]
    public async Task Lists_go_by_pages_below_a_path()
    {
        var path = $"/{iam.NewName("pages")}/";
        for (var i = 0; i < 7; i++) await iam.CallAsync("CreateRole", ("RoleName", iam.NewName("paged")), ("Path", i < 5 ? path : path + "below/"), ("AssumeRolePolicyDocument", IamFixture.Trust));
        var names = new List<string>();
        string? marker = null;
        var pages = 0;
        do
        {
            (string, string)[] members = [("PathPrefix", path), ("MaxItems", "3"), .. marker is null ? Array.Empty<(string, string)>() : [("Marker", marker)]];
            var page = await iam.CallAsync("ListRoles", members);
            names.AddRange(page.All("RoleName"));
            marker = page.Find("Marker")?.Value;
            Assert.Equal(marker is null ? "false" : "true", page["IsTruncated"]);
            pages++;
        }
        while (marker is not null);
        Assert.Equal((7, 3), (names.Distinct().Count(), pages));
        Assert.Equal(names.Order(StringComparer.Ordinal), names);
        Assert.Equal(2, (await iam.CallAsync("ListRoles", ("PathPrefix", path + "below/"))).All("RoleName").Count);
        Assert.Contains("Marker", await iam.RefusedAsync("ValidationError", 400, "ListRoles", ("Marker", "made-up")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_group_has_members_and_cannot_go_before_they_do()
    {
        var (group, user) = (iam.NewName("group"), await iam.NewUserAsync());
        Assert.StartsWith("AGPA", (await iam.CallAsync("CreateGroup", ("GroupName", group)))["GroupId"], StringComparison.Ordinal);
        await iam.CallAsync("AddUserToGroup", ("GroupName", group), ("UserName", user));
        await iam.CallAsync("AddUserToGroup", ("GroupName", group), ("UserName", user));
        Assert.Equal([user], (await iam.CallAsync("GetGroup", ("GroupName", group))).All("UserName"));
        Assert.Equal([group], (await iam.CallAsync("ListGroupsForUser", ("UserName", user))).All("GroupName"));
        await iam.RefusedAsync("DeleteConflict", 409, "DeleteGroup", ("GroupName", group));
        await iam.RefusedAsync("DeleteConflict", 409, "DeleteUser", ("UserName", user));
        await iam.CallAsync("RemoveUserFromGroup", ("GroupName", group), ("UserName", user));
        var renamed = iam.NewName("renamed");
        await iam.CallAsync("UpdateGroup", ("GroupName", group), ("NewGroupName", renamed));
        await iam.CallAsync("DeleteGroup", ("GroupName", renamed));
        await iam.CallAsync("DeleteUser", ("UserName", user));
    }

    [Fact]
    public async Task A_role_has_a_trust_policy_a_description_and_a_duration()
    {
        var role = iam.NewName("role");
        var created = await iam.CallAsync("CreateRole", ("RoleName", role), ("AssumeRolePolicyDocument", IamFixture.Trust), ("Description", "for tests"), ("MaxSessionDuration", "7200"));
        Assert.Matches(@"\AAROA[A-Z2-7]{17}\z", created["RoleId"]);
        // Percent-encoded, as RFC 3986 has it.
        Assert.StartsWith("%7B%22Version%22%3A%222012-10-17%22%2C", created["AssumeRolePolicyDocument"], StringComparison.Ordinal);
        Assert.Equal(IamFixture.Trust, Uri.UnescapeDataString(created["AssumeRolePolicyDocument"]));
        await iam.CallAsync("UpdateRole", ("RoleName", role), ("MaxSessionDuration", "3600"));
        var found = await iam.CallAsync("GetRole", ("RoleName", role));
        Assert.Equal(("for tests", "3600"), (found["Description"], found["MaxSessionDuration"]));
        await iam.CallAsync("UpdateRoleDescription", ("RoleName", role), ("Description", "else"));
        Assert.Equal("else", (await iam.CallAsync("GetRole", ("RoleName", role)))["Description"]);

        var message = await iam.RefusedAsync("MalformedPolicyDocument", 400, "UpdateAssumeRolePolicy", ("RoleName", role), ("PolicyDocument", IamFixture.Document));
        Assert.Contains("Principal", message, StringComparison.Ordinal);
        await iam.RefusedAsync("MalformedPolicyDocument", 400, "CreateRole", ("RoleName", role + "x"), ("AssumeRolePolicyDocument", "{"));
        var tooLong = IamFixture.Trust.Replace("123456789012", string.Join("\",\"", Enumerable.Range(0, 200).Select(n => $"{100000000000 + n}")), StringComparison.Ordinal)
            .Replace("\"AWS\":", "\"AWS\":[", StringComparison.Ordinal).Replace("},\"Action\"", "]},\"Action\"", StringComparison.Ordinal);
        Assert.Equal("Cannot exceed quota for ACLSizePerRole: 2048", await iam.RefusedAsync("LimitExceeded", 409, "UpdateAssumeRolePolicy", ("RoleName", role), ("PolicyDocument", tooLong)));
        Assert.Empty((await iam.CallAsync("ListInstanceProfilesForRole", ("RoleName", role))).All("member"));
        await iam.CallAsync("DeleteRole", ("RoleName", role));
    }

    [Fact]
    public async Task Inputs_that_break_the_model_are_told_in_its_words()
    {
        Assert.Equal(
            "1 validation error detected: Value 'a b' at 'UserName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]+",
            await iam.RefusedAsync("ValidationError", 400, "CreateUser", ("UserName", "a b")));
        Assert.Contains("Member must not be null", await iam.RefusedAsync("ValidationError", 400, "CreateRole", ("RoleName", "x")), StringComparison.Ordinal);
        await iam.RefusedAsync("InvalidAction", 400, "CreateSAMLProvider", ("Name", "x"));
        await iam.RefusedAsync("MalformedInput", 400, "ListUsers", ("MaxItems", "many"));
        var unsigned = await iam.SendAsync("ListUsers", (iam.Server.Options.AccessKeyId, "wrong-wrong-wrong-wrong"));
        Assert.Equal(("SignatureDoesNotMatch", 403), (unsigned.Error, (int)unsigned.Status));
    }

    [Fact]
    public async Task Tags_are_set_listed_and_taken_away_whatever_their_case()
    {
        var user = await iam.NewUserAsync();
        await iam.CallAsync("TagUser", ("UserName", user), ("Tags.member.1.Key", "Team"), ("Tags.member.1.Value", "a"), ("Tags.member.2.Key", "stage"), ("Tags.member.2.Value", ""));
        await iam.CallAsync("TagUser", ("UserName", user), ("Tags.member.1.Key", "TEAM"), ("Tags.member.1.Value", "b"));
        var tags = await iam.CallAsync("ListUserTags", ("UserName", user));
        Assert.Equal(["TEAM=b", "stage="], tags.All("Key").Zip(tags.All("Value"), (key, value) => $"{key}={value}"));
        var first = await iam.CallAsync("ListUserTags", ("UserName", user), ("MaxItems", "1"));
        Assert.Equal(["stage"], (await iam.CallAsync("ListUserTags", ("UserName", user), ("Marker", first["Marker"]))).All("Key"));
        await iam.CallAsync("UntagUser", ("UserName", user), ("TagKeys.member.1", "team"));
        Assert.Equal(["stage"], (await iam.CallAsync("ListUserTags", ("UserName", user))).All("Key"));
        await iam.RefusedAsync("InvalidInput", 400, "TagUser", ("UserName", user), ("Tags.member.1.Key", "a"), ("Tags.member.1.Value", ""), ("Tags.member.2.Key", "A"), ("Tags.member.2.Value", ""));
        await iam.RefusedAsync("InvalidInput", 400, "TagUser", ("UserName", user), ("Tags.member.1.Key", "aws:x"), ("Tags.member.1.Value", ""));
        (string, string)[] many = [("UserName", user), .. Enumerable.Range(1, 50).SelectMany(n => new[] { ($"Tags.member.{n}.Key", $"k{n}"), ($"Tags.member.{n}.Value", "v") })];
        await iam.RefusedAsync("LimitExceeded", 409, "TagUser", many);
    }
}

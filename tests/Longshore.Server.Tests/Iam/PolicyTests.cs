namespace Longshore.Server.Tests.Iam;

/// <summary>Inline and managed policies, their versions, attachments and boundaries.</summary>
[Collection(IamCollection.Name)]
public sealed class PolicyTests(IamFixture iam)
{
    private const string ReadOnly = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly";

    public static TheoryData<string, int> Kinds => new() { { "User", 2048 }, { "Group", 5120 }, { "Role", 10240 } };

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Inline_policies_are_set_told_listed_and_removed_within_their_size(string kind, int limit)
    {
        var owner = await NewAsync(kind);
        (string, string) name = (kind + "Name", owner);
        await iam.CallAsync($"Put{kind}Policy", name, ("PolicyName", "b"), ("PolicyDocument", IamFixture.Document));
        await iam.CallAsync($"Put{kind}Policy", name, ("PolicyName", "a"), ("PolicyDocument", " " + IamFixture.Document));
        Assert.Equal(["a", "b"], (await iam.CallAsync($"List{kind}Policies", name)).Find("PolicyNames")!.Elements().Select(e => e.Value));
        var first = await iam.CallAsync($"List{kind}Policies", name, ("MaxItems", "1"));
        Assert.Equal("b", (await iam.CallAsync($"List{kind}Policies", name, ("Marker", first["Marker"])))["member"]);
        var found = await iam.CallAsync($"Get{kind}Policy", name, ("PolicyName", "A"));
        Assert.Equal(("a", " " + IamFixture.Document), (found["PolicyName"], Uri.UnescapeDataString(found["PolicyDocument"])));

        // White space is free; the others of the owner count too.
        var room = limit - (2 * IamFixture.Document.Length);
        await iam.CallAsync($"Put{kind}Policy", name, ("PolicyName", "big"), ("PolicyDocument", Sized(room) + new string(' ', 3000)));
        var message = await iam.RefusedAsync("LimitExceeded", 409, $"Put{kind}Policy", name, ("PolicyName", "BIG"), ("PolicyDocument", Sized(room + 1)));
        Assert.Equal($"Maximum policy size of {limit} bytes exceeded for {kind.ToLowerInvariant()} {owner}", message);

        message = await iam.RefusedAsync("MalformedPolicyDocument", 400, $"Put{kind}Policy", name, ("PolicyName", "x"), ("PolicyDocument", """{"Statement":{"Effect":"Maybe","Action":"ecr:*"}}"""));
        Assert.Equal(2, message.Split('\n').Length);
        await iam.RefusedAsync("DeleteConflict", 409, $"Delete{kind}", name);
        foreach (var policy in new[] { "a", "b", "big" }) await iam.CallAsync($"Delete{kind}Policy", name, ("PolicyName", policy));
        Assert.Equal($"The {kind.ToLowerInvariant()} policy with name a cannot be found.", await iam.RefusedAsync("NoSuchEntity", 404, $"Get{kind}Policy", name, ("PolicyName", "a")));
        await iam.CallAsync($"Delete{kind}", name);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Managed_policies_are_attached_ten_at_the_most(string kind, int unused)
    {
        Assert.True(unused > 0);
        (string, string) name = (kind + "Name", await NewAsync(kind));
        await iam.CallAsync($"Attach{kind}Policy", name, ("PolicyArn", ReadOnly));
        await iam.CallAsync($"Attach{kind}Policy", name, ("PolicyArn", ReadOnly));
        var arns = new List<string> { ReadOnly };
        for (var i = 1; i < 10; i++)
        {
            arns.Add(await NewPolicyAsync($"/{kind}s/"));
            await iam.CallAsync($"Attach{kind}Policy", name, ("PolicyArn", arns[^1]));
        }

        Assert.Equal($"Cannot exceed quota for PoliciesPer{kind}: 10", await iam.RefusedAsync("LimitExceeded", 409, $"Attach{kind}Policy", name, ("PolicyArn", await NewPolicyAsync("/"))));
        await iam.RefusedAsync("NoSuchEntity", 404, $"Attach{kind}Policy", name, ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess-not-here"));
        Assert.Equal(10, (await iam.CallAsync($"ListAttached{kind}Policies", name)).All("PolicyArn").Count);
        Assert.Equal(9, (await iam.CallAsync($"ListAttached{kind}Policies", name, ("PathPrefix", $"/{kind}s/"))).All("PolicyArn").Count);
        var page = await iam.CallAsync($"ListAttached{kind}Policies", name, ("MaxItems", "7"));
        Assert.Equal(3, (await iam.CallAsync($"ListAttached{kind}Policies", name, ("Marker", page["Marker"]))).All("PolicyArn").Count);
        Assert.Equal([name.Item2], (await iam.CallAsync("ListEntitiesForPolicy", ("PolicyArn", arns[1]), ("EntityFilter", kind))).All(kind + "Name"));
        Assert.Equal("1", (await iam.CallAsync("GetPolicy", ("PolicyArn", arns[1])))["AttachmentCount"]);
        Assert.Equal("Cannot delete a policy attached to entities.", await iam.RefusedAsync("DeleteConflict", 409, "DeletePolicy", ("PolicyArn", arns[1])));
        await iam.RefusedAsync("DeleteConflict", 409, $"Delete{kind}", name);
        foreach (var arn in arns) await iam.CallAsync($"Detach{kind}Policy", name, ("PolicyArn", arn));
        await iam.RefusedAsync("NoSuchEntity", 404, $"Detach{kind}Policy", name, ("PolicyArn", ReadOnly));
        await iam.CallAsync($"Delete{kind}", name);
    }

    [Fact]
    public async Task A_managed_policy_has_five_versions_at_the_most_and_one_that_counts()
    {
        var name = iam.NewName("Versions");
        var created = await iam.CallAsync("CreatePolicy", ("PolicyName", name), ("Path", "/app/"), ("PolicyDocument", IamFixture.Document), ("Description", "said once"), ("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v"));
        var arn = created["Arn"];
        Assert.Equal($"arn:aws:iam::{IamFixture.Account}:policy/app/{name}", arn);
        Assert.Matches(@"\AANPA[A-Z2-7]{17}\z", created["PolicyId"]);
        Assert.Equal($"A policy called {name.ToUpperInvariant()} already exists. Duplicate names are not allowed.",
            await iam.RefusedAsync("EntityAlreadyExists", 409, "CreatePolicy", ("PolicyName", name.ToUpperInvariant()), ("PolicyDocument", IamFixture.Document)));
        var found = await iam.CallAsync("GetPolicy", ("PolicyArn", arn));
        Assert.Equal(("said once", "v1", "v"), (found["Description"], found["DefaultVersionId"], found["Value"]));

        for (var i = 2; i <= 5; i++)
            Assert.Equal("v" + i, (await iam.CallAsync("CreatePolicyVersion", ("PolicyArn", arn), ("PolicyDocument", IamFixture.Document), ("SetAsDefault", i == 3 ? "true" : "false")))["VersionId"]);
        await iam.RefusedAsync("LimitExceeded", 409, "CreatePolicyVersion", ("PolicyArn", arn), ("PolicyDocument", IamFixture.Document));
        var versions = await iam.CallAsync("ListPolicyVersions", ("PolicyArn", arn));
        Assert.Equal(["v5", "v4", "v3", "v2", "v1"], versions.All("VersionId"));
        Assert.Equal(["false", "false", "true", "false", "false"], versions.All("IsDefaultVersion"));
        var page = await iam.CallAsync("ListPolicyVersions", ("PolicyArn", arn), ("MaxItems", "2"));
        Assert.Equal(["v3", "v2", "v1"], (await iam.CallAsync("ListPolicyVersions", ("PolicyArn", arn), ("Marker", page["Marker"]))).All("VersionId"));
        Assert.Equal(IamFixture.Document, Uri.UnescapeDataString((await iam.CallAsync("GetPolicyVersion", ("PolicyArn", arn), ("VersionId", "v3")))["Document"]));

        await iam.RefusedAsync("DeleteConflict", 409, "DeletePolicyVersion", ("PolicyArn", arn), ("VersionId", "v3"));
        await iam.CallAsync("SetDefaultPolicyVersion", ("PolicyArn", arn), ("VersionId", "v1"));
        foreach (var version in new[] { "v2", "v3", "v4" }) await iam.CallAsync("DeletePolicyVersion", ("PolicyArn", arn), ("VersionId", version));
        await iam.RefusedAsync("NoSuchEntity", 404, "GetPolicyVersion", ("PolicyArn", arn), ("VersionId", "v3"));
        // Numbers are never used again.
        Assert.Equal("v6", (await iam.CallAsync("CreatePolicyVersion", ("PolicyArn", arn), ("PolicyDocument", IamFixture.Document)))["VersionId"]);
        await iam.RefusedAsync("DeleteConflict", 409, "DeletePolicy", ("PolicyArn", arn));
        foreach (var version in new[] { "v5", "v6" }) await iam.CallAsync("DeletePolicyVersion", ("PolicyArn", arn), ("VersionId", version));
        await iam.CallAsync("TagPolicy", ("PolicyArn", arn), ("Tags.member.1.Key", "K"), ("Tags.member.1.Value", "w"));
        Assert.Equal("w", (await iam.CallAsync("ListPolicyTags", ("PolicyArn", arn)))["Value"]);
        await iam.CallAsync("UntagPolicy", ("PolicyArn", arn), ("TagKeys.member.1", "k"));
        Assert.Empty((await iam.CallAsync("ListPolicyTags", ("PolicyArn", arn))).All("Key"));
        await iam.CallAsync("DeletePolicy", ("PolicyArn", arn));
        await iam.RefusedAsync("NoSuchEntity", 404, "GetPolicy", ("PolicyArn", arn));
        Assert.Equal("Cannot exceed quota for PolicySize: 6144", await iam.RefusedAsync("LimitExceeded", 409, "CreatePolicy", ("PolicyName", name), ("PolicyDocument", Sized(6145))));
    }

    [Fact]
    public async Task Policies_of_aws_are_listed_told_and_cannot_be_changed()
    {
        var all = await iam.CallAsync("ListPolicies", ("Scope", "AWS"));
        Assert.Equal(
            ["AmazonEC2ContainerRegistryFullAccess", "AmazonEC2ContainerRegistryPowerUser", "AmazonEC2ContainerRegistryPullOnly", "AmazonEC2ContainerRegistryReadOnly"],
            all.All("PolicyName"));
        Assert.Contains("ecr%3ABatchGetImage", (await iam.CallAsync("GetPolicyVersion", ("PolicyArn", ReadOnly), ("VersionId", "v3")))["Document"], StringComparison.Ordinal);
        await iam.RefusedAsync("AccessDenied", 403, "DeletePolicy", ("PolicyArn", ReadOnly));
        await iam.RefusedAsync("AccessDenied", 403, "CreatePolicyVersion", ("PolicyArn", ReadOnly), ("PolicyDocument", IamFixture.Document));

        var path = $"/{iam.NewName("list")}/";
        var arns = new List<string>();
        for (var i = 0; i < 5; i++) arns.Add(await NewPolicyAsync(path));
        var user = await iam.NewUserAsync();
        await iam.CallAsync("AttachUserPolicy", ("UserName", user), ("PolicyArn", arns[3]));
        Assert.Equal([arns[3]], (await iam.CallAsync("ListPolicies", ("Scope", "Local"), ("PathPrefix", path), ("OnlyAttached", "true"), ("MaxItems", "2"))).All("Arn"));
        var found = new List<string>();
        for (string? marker = null; ;)
        {
            (string, string)[] members = [("MaxItems", "3"), .. marker is null ? Array.Empty<(string, string)>() : [("Marker", marker)]];
            var page = await iam.CallAsync("ListPolicies", members);
            found.AddRange(page.All("Arn"));
            if ((marker = page.Find("Marker")?.Value) is null) break;
        }

        Assert.Equal(found.Count, found.Distinct().Count());
        Assert.Equal(4, found.Count(arn => arn.Contains("::aws:", StringComparison.Ordinal)));
        Assert.Subset(found.ToHashSet(), arns.ToHashSet());
    }

    [Fact]
    public async Task A_boundary_is_a_policy_that_exists_and_cannot_go_while_it_is_one()
    {
        var (arn, user, role) = (await NewPolicyAsync("/"), iam.NewName("bound"), await NewAsync("Role"));
        await iam.RefusedAsync("NoSuchEntity", 404, "CreateUser", ("UserName", user), ("PermissionsBoundary", arn + "x"));
        await iam.RefusedAsync("NoSuchEntity", 404, "GetUser", ("UserName", user));
        Assert.Equal(arn, (await iam.CallAsync("CreateUser", ("UserName", user), ("PermissionsBoundary", arn)))["PermissionsBoundaryArn"]);
        await iam.CallAsync("PutRolePermissionsBoundary", ("RoleName", role), ("PermissionsBoundary", arn));
        Assert.Equal("PermissionsBoundaryPolicy", (await iam.CallAsync("GetRole", ("RoleName", role)))["PermissionsBoundaryType"]);
        Assert.Equal("2", (await iam.CallAsync("GetPolicy", ("PolicyArn", arn)))["PermissionsBoundaryUsageCount"]);
        Assert.Equal([role], (await iam.CallAsync("ListEntitiesForPolicy", ("PolicyArn", arn), ("PolicyUsageFilter", "PermissionsBoundary"), ("EntityFilter", "Role"))).All("RoleName"));
        await iam.RefusedAsync("DeleteConflict", 409, "DeletePolicy", ("PolicyArn", arn));
        await iam.CallAsync("DeleteRolePermissionsBoundary", ("RoleName", role));
        await iam.CallAsync("DeleteUserPermissionsBoundary", ("UserName", user));
        await iam.RefusedAsync("NoSuchEntity", 404, "DeleteUserPermissionsBoundary", ("UserName", user));
        await iam.CallAsync("DeletePolicy", ("PolicyArn", arn));
    }

    // A document of exactly so many characters that count.
    private static string Sized(int characters)
    {
        const string Head = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Resource":"*","Action":"ecr:""";
        return Head + new string('x', characters - Head.Length - 3) + "\"}}";
    }

    private async Task<string> NewPolicyAsync(string path) =>
        (await iam.CallAsync("CreatePolicy", ("PolicyName", iam.NewName("policy")), ("Path", path), ("PolicyDocument", IamFixture.Document)))["Arn"];

    private async Task<string> NewAsync(string kind)
    {
        var name = iam.NewName(kind);
        (string, string)[] members = [(kind + "Name", name), .. kind == "Role" ? [("AssumeRolePolicyDocument", IamFixture.Trust)] : Array.Empty<(string, string)>()];
        await iam.CallAsync("Create" + kind, members);
        return name;
    }
}

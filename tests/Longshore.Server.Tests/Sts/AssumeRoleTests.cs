using System.Text;
using System.Text.Json.Nodes;
using Longshore.Server.Sts;
using static Longshore.Server.Tests.Sts.StsFixture;

namespace Longshore.Server.Tests.Sts;

/// <summary>AssumeRole, GetSessionToken and GetCallerIdentity as STS has them.</summary>
public sealed class AssumeRoleTests
{
    private static string Ana => $"arn:aws:iam::{Account}:user/ana";

    [Fact]
    public async Task Answer_is_what_the_model_says()
    {
        await using var sts = await StartAsync();
        var user = await sts.AddUserAsync("ana");
        await sts.AddRoleAsync("deploy", Trust(Ana, null, "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"), path: "/ci/");
        var answer = await sts.AssumeAsync(
            user, $"arn:aws:iam::{Account}:role/ci/deploy", ("Policy", Allow("ecr:*")), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "core"), ("SourceIdentity", "ana.b"));
        Assert.Equal(200, answer.Status);
        Assert.Equal("https://sts.amazonaws.com/doc/2011-06-15/", answer.Document.Root!.Name.NamespaceName);
        Assert.Equal($"arn:aws:sts::{Account}:assumed-role/deploy/session", answer["Arn"]);
        Assert.Matches(@"\AAROATEST\d+:session\z", answer["AssumedRoleId"]);
        Assert.Equal("ana.b", answer["SourceIdentity"]);
        Assert.InRange(int.Parse(answer["PackedPolicySize"]!, System.Globalization.CultureInfo.InvariantCulture), 1, 10);
        Assert.Equal(sts.Clock.GetUtcNow().AddHours(1).ToString("yyyy-MM-dd'T'HH:mm:ss'.000Z'", System.Globalization.CultureInfo.InvariantCulture), answer["Expiration"]);

        var identity = await sts.CallAsync(answer.Key, "GetCallerIdentity");
        Assert.Equal((answer["Arn"], answer["AssumedRoleId"], Account), (identity["Arn"], identity["UserId"], identity["Account"]));
        var session = (await sts.AuthenticateAsync(answer.Key)).Caller!.Principal.Session!;
        Assert.Equal("core", session.Tags["Team"]);
        Assert.Equal(Allow("ecr:*"), Assert.Single(session.Policies));
        var told = JsonNode.Parse(sts.LastRecord.ResponseElements ?? "{}"u8.ToArray());
        Assert.NotNull(told);
    }

    [Fact]
    public async Task Trail_is_told_who_assumed_what()
    {
        await using var sts = await StartAsync();
        var user = await sts.AddUserAsync("ana");
        await sts.AddRoleAsync("deploy", Trust(Ana));
        await sts.AssumeAsync(user, "deploy", ("ExternalId", "partner-7"));
        var record = sts.LastRecord;
        Assert.Equal(("sts.amazonaws.com", "AssumeRole", $"arn:aws:iam::{Account}:role/deploy"), (record.EventSource, record.EventName, record.Resource));
        Assert.Equal(Ana, record.Caller!.Principal.Arn);
        var parameters = JsonNode.Parse(record.RequestParameters)!;
        Assert.Equal(("session", "partner-7"), ((string?)parameters["roleSessionName"], (string?)parameters["externalId"]));
        Assert.Equal($"arn:aws:sts::{Account}:assumed-role/deploy/session", (string?)JsonNode.Parse(record.ResponseElements)!["assumedRoleUser"]!["arn"]);
        await sts.AssumeAsync(user, "absent");
        Assert.Equal("AccessDenied", sts.LastRecord.ErrorCode);
    }

    [Fact]
    public async Task Role_that_is_not_there_and_role_that_does_not_trust_answer_the_same()
    {
        await using var sts = await StartAsync();
        var user = await sts.AddUserAsync("ana", Allow("sts:AssumeRole"));
        await sts.AddRoleAsync("closed", Trust($"arn:aws:iam::{Account}:user/somebody"), maxSeconds: 3600);
        var (absent, closed) = (await sts.AssumeAsync(user, "absents", ("DurationSeconds", "43200")), await sts.AssumeAsync(user, "closed", ("DurationSeconds", "43200")));
        absent.MustBe(403, "AccessDenied");
        closed.MustBe(403, "AccessDenied");
        // Nor can it be asked which managed policies an account has.
        (await sts.AssumeAsync(user, "closed", ("PolicyArns.member.1.arn", $"arn:aws:iam::{Account}:policy/absent"))).MustBe(403, "AccessDenied");
        Assert.Equal($"User: {Ana} is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::{Account}:role/closed", closed.Message);
        Assert.Equal(closed.Message, absent.Message!.Replace("absents", "closed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Name_and_path_of_a_role_are_meant_exactly()
    {
        await using var sts = await StartAsync();
        var user = await sts.AddUserAsync("ana");
        await sts.AddRoleAsync("deploy", Trust(Ana), path: "/ci/");
        foreach (var arn in new[] { "role/deploy", "role/CI/deploy", "role/ci/Deploy", "role/ci//deploy", "role/ci/*", "role/../role/ci/deploy" })
            (await sts.AssumeAsync(user, $"arn:aws:iam::{Account}:{arn}")).MustBe(403, "AccessDenied");
        foreach (var arn in new[] { $"arn:aws:iam::{Account}:user/ana", $"arn:aws:sts::{Account}:assumed-role/deploy/x", "arn:aws:iam::12345:role/ci/deploy", $"arn:aws:iam::{Account}:role/" })
            (await sts.AssumeAsync(user, arn)).MustBe(400, "ValidationError");
    }

    [Fact]
    public async Task Root_cannot_assume_roles()
    {
        await using var sts = await StartAsync();
        await sts.AddRoleAsync("deploy", Trust("*"));
        (await sts.AssumeAsync(sts.Root, "deploy")).MustBe(403, "AccessDenied");
    }

    [Fact]
    public async Task Trust_in_the_account_needs_the_callers_own_permission()
    {
        await using var sts = await StartAsync();
        await sts.AddRoleAsync("deploy", Trust(Account));
        (await sts.AssumeAsync(await sts.AddUserAsync("without"), "deploy")).MustBe(403, "AccessDenied");
        (await sts.AssumeAsync(await sts.AddUserAsync("other", Allow("sts:AssumeRole", $"arn:aws:iam::{Account}:role/other")), "deploy")).MustBe(403, "AccessDenied");
        Assert.Equal(200, (await sts.AssumeAsync(await sts.AddUserAsync("with", Allow("sts:AssumeRole", $"arn:aws:iam::{Account}:role/deploy")), "deploy")).Status);
    }

    [Fact]
    public async Task Callers_explicit_deny_wins_over_a_trust_policy_that_names_it()
    {
        await using var sts = await StartAsync();
        var user = await sts.AddUserAsync("ana", Deny("sts:*"));
        await sts.AddRoleAsync("deploy", Trust(Ana));
        (await sts.AssumeAsync(user, "deploy")).MustBe(403, "AccessDenied");
        // GetCallerIdentity is allowed even so.
        Assert.Equal(Ana, (await sts.CallAsync(user, "GetCallerIdentity"))["Arn"]);
    }

    [Fact]
    public async Task Role_of_another_account_needs_both_sides()
    {
        await using var sts = await StartAsync();
        var stranger = await sts.AddUserAsync("eve", null, OtherAccount);
        var friend = await sts.AddUserAsync("bob", Allow("sts:AssumeRole"), OtherAccount);
        await sts.AddRoleAsync("shared", Trust(OtherAccount));
        await sts.AddRoleAsync("own", Trust(Account));
        (await sts.AssumeAsync(stranger, "shared")).MustBe(403, "AccessDenied");
        (await sts.AssumeAsync(friend, "own")).MustBe(403, "AccessDenied");
        var answer = await sts.AssumeAsync(friend, "shared");
        Assert.Equal($"arn:aws:sts::{Account}:assumed-role/shared/session", answer["Arn"]);
        Assert.Equal(Account, (await sts.AuthenticateAsync(answer.Key)).Caller!.Registry.Account);
    }

    [Fact]
    public async Task Confused_deputy_is_stopped_by_the_external_id()
    {
        await using var sts = await StartAsync();
        var deputy = await sts.AddUserAsync("deputy", Allow("sts:AssumeRole"), OtherAccount);
        await sts.AddRoleAsync("customer", Trust(OtherAccount, When("StringEquals", "sts:ExternalId", "customer-42")));
        (await sts.AssumeAsync(deputy, "customer")).MustBe(403, "AccessDenied");
        (await sts.AssumeAsync(deputy, "customer", ("ExternalId", "customer-43"))).MustBe(403, "AccessDenied");
        (await sts.AssumeAsync(deputy, "customer", ("ExternalId", "CUSTOMER-42"))).MustBe(403, "AccessDenied");
        (await sts.AssumeAsync(deputy, "customer", ("ExternalId", "customer-4?"))).MustBe(400, "ValidationError");
        Assert.Equal(200, (await sts.AssumeAsync(deputy, "customer", ("ExternalId", "customer-42"))).Status);
    }

    [Fact]
    public async Task Session_name_that_tries_to_be_a_pattern_a_variable_or_another_arn_is_refused()
    {
        await using var sts = await StartAsync();
        var user = await sts.AddUserAsync("ana");
        await sts.AddRoleAsync("deploy", Trust(Ana));
        foreach (var name in new[] { "*", "a*", "${aws:username}", "a/b", "deploy/admin", "a:b", "a b", "x\n", "x\0", "ä", "a", new string('a', 65) })
        {
            (await sts.CallAsync(user, "AssumeRole", ("RoleArn", $"arn:aws:iam::{Account}:role/deploy"), ("RoleSessionName", name))).MustBe(400, "ValidationError");
        }
    }

    [Fact]
    public async Task Tag_values_that_try_to_be_patterns_or_variables_are_refused()
    {
        await using var sts = await StartAsync();
        var user = await sts.AddUserAsync("ana");
        await sts.AddRoleAsync("deploy", Trust(Ana, null, "sts:AssumeRole", "sts:TagSession"));
        foreach (var value in new[] { "*", "core*", "c?re", "${aws:username}", "a\"b", "x\n" })
            (await sts.AssumeAsync(user, "deploy", ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", value))).MustBe(400, "ValidationError");
        (await sts.AssumeAsync(user, "deploy", ("Tags.member.1.Key", "aws:team"), ("Tags.member.1.Value", "x"))).MustBe(400, "InvalidParameterValue");
        (await sts.AssumeAsync(user, "deploy", ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "x"), ("Tags.member.2.Key", "TEAM"), ("Tags.member.2.Value", "y"))).MustBe(400, "InvalidParameterValue");
    }

    [Fact]
    public async Task Tags_need_their_own_permission_and_show_in_conditions()
    {
        await using var sts = await StartAsync();
        var user = await sts.AddUserAsync("ana");
        await sts.AddRoleAsync("untagged", Trust(Ana));
        var refused = await sts.AssumeAsync(user, "untagged", Tag("team", "core"));
        refused.MustBe(403, "AccessDenied");
        Assert.Contains("sts:TagSession", refused.Message, StringComparison.Ordinal);
        await sts.AddRoleAsync("core", Trust(Ana, When("StringEquals", "aws:RequestTag/team", "core"), "sts:AssumeRole", "sts:TagSession"));
        (await sts.AssumeAsync(user, "core")).MustBe(403, "AccessDenied");
        (await sts.AssumeAsync(user, "core", Tag("team", "web"))).MustBe(403, "AccessDenied");
        Assert.Equal(200, (await sts.AssumeAsync(user, "core", Tag("team", "core"))).Status);
    }

    [Fact]
    public async Task Transitive_tags_go_down_the_chain_and_cannot_be_changed()
    {
        await using var sts = await StartAsync();
        var user = await sts.AddUserAsync("ana");
        await sts.AddRoleAsync("first", Trust(Ana, null, "sts:AssumeRole", "sts:TagSession"));
        await sts.AddRoleAsync("second", Trust($"arn:aws:iam::{Account}:role/first", null, "sts:AssumeRole", "sts:TagSession"));
        var first = (await sts.AssumeAsync(user, "first", [.. Tag("team", "core"), ("Tags.member.2.Key", "step"), ("Tags.member.2.Value", "1"), ("TransitiveTagKeys.member.1", "team")])).Key;
        var second = (await sts.AssumeAsync(first, "second")).Key;
        var tags = (await sts.AuthenticateAsync(second)).Caller!.Principal.Session!.Tags;
        Assert.Equal("core", Assert.Single(tags).Value);
        (await sts.AssumeAsync(first, "second", Tag("Team", "admin"))).MustBe(400, "InvalidParameterValue");
        (await sts.AssumeAsync(user, "first", ("TransitiveTagKeys.member.1", "team"))).MustBe(400, "InvalidParameterValue");
    }

    [Fact]
    public async Task Source_identity_needs_permission_stays_and_cannot_be_changed()
    {
        await using var sts = await StartAsync();
        var user = await sts.AddUserAsync("ana");
        await sts.AddRoleAsync("plain", Trust(Ana));
        (await sts.AssumeAsync(user, "plain", ("SourceIdentity", "ana"))).MustBe(403, "AccessDenied");
        await sts.AddRoleAsync("first", Trust(Ana, null, "sts:AssumeRole", "sts:SetSourceIdentity"));
        await sts.AddRoleAsync("second", Trust($"arn:aws:iam::{Account}:role/first", null, "sts:AssumeRole", "sts:SetSourceIdentity"));
        var first = (await sts.AssumeAsync(user, "first", ("SourceIdentity", "ana"))).Key;
        (await sts.AssumeAsync(first, "second", ("SourceIdentity", "eve"))).MustBe(403, "AccessDenied");
        Assert.Equal("ana", (await sts.AssumeAsync(first, "second"))["SourceIdentity"]);
    }

    [Fact]
    public async Task Durations_keep_to_the_model_the_role_and_the_chain()
    {
        await using var sts = await StartAsync();
        var user = await sts.AddUserAsync("ana");
        await sts.AddRoleAsync("short", Trust(Ana));
        await sts.AddRoleAsync("long", Trust(Ana), maxSeconds: 43_200);
        await sts.AddRoleAsync("next", Trust($"arn:aws:iam::{Account}:role/long"), maxSeconds: 43_200);
        foreach (var wrong in new[] { "899", "43201", "-1", "x", "" })
            Assert.Equal(400, (await sts.AssumeAsync(user, "long", ("DurationSeconds", wrong))).Status);
        (await sts.AssumeAsync(user, "short", ("DurationSeconds", "3601"))).MustBe(400, "ValidationError");
        var key = (await sts.AssumeAsync(user, "long", ("DurationSeconds", "43200"))).Key;
        (await sts.AssumeAsync(key, "next", ("DurationSeconds", "3601"))).MustBe(400, "ValidationError");
        Assert.Equal(200, (await sts.AssumeAsync(key, "next", ("DurationSeconds", "3600"))).Status);
    }

    [Fact]
    public async Task Chain_of_more_than_sixteen_principals_is_refused()
    {
        await using var sts = await StartAsync();
        var key = await sts.AddUserAsync("ana", Allow("sts:AssumeRole"));
        for (var i = 0; i <= RoleSessions.MostAncestors; i++)
        {
            await sts.AddRoleAsync($"r{i}", Trust(Account), Allow("sts:AssumeRole"));
            key = (await sts.AssumeAsync(key, $"r{i}")).Key;
        }

        await sts.AddRoleAsync("last", Trust(Account));
        (await sts.AssumeAsync(key, "last")).MustBe(403, "AccessDenied");
    }

    [Fact]
    public async Task Session_policies_that_cannot_be_used_are_refused()
    {
        await using var sts = await StartAsync();
        var user = await sts.AddUserAsync("ana");
        await sts.AddRoleAsync("deploy", Trust(Ana));
        foreach (var policy in new[] { "{", "[]", "{}", """{"Version":"2012-10-17","Statement":[]}""", Trust(Ana), """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:*"}}""" })
            (await sts.AssumeAsync(user, "deploy", ("Policy", policy))).MustBe(400, "MalformedPolicyDocument");
        (await sts.AssumeAsync(user, "deploy", ("PolicyArns.member.1.arn", $"arn:aws:iam::{Account}:policy/absent"))).MustBe(400, "MalformedPolicyDocument");
        (await sts.AssumeAsync(user, "deploy", ("PolicyArns.member.1.arn", $"arn:aws:iam::{OtherAccount}:policy/theirs"))).MustBe(400, "MalformedPolicyDocument");
        (await sts.AssumeAsync(user, "deploy", ("Policy", Allow("ecr:*", new string('x', 11_000))))).MustBe(400, "PackedPolicyTooLarge");
        var managed = await sts.AssumeAsync(user, "deploy", ("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"));
        Assert.Contains("ecr:BatchGetImage", Assert.Single((await sts.AuthenticateAsync(managed.Key)).Caller!.Principal.Session!.Policies), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Second_factors_and_foreign_contexts_are_refused_not_ignored()
    {
        await using var sts = await StartAsync();
        var user = await sts.AddUserAsync("ana");
        await sts.AddRoleAsync("deploy", Trust(Ana));
        (await sts.AssumeAsync(user, "deploy", ("SerialNumber", $"arn:aws:iam::{Account}:mfa/ana"), ("TokenCode", "123456"))).MustBe(403, "AccessDenied");
        (await sts.CallAsync(user, "GetSessionToken", ("SerialNumber", $"arn:aws:iam::{Account}:mfa/ana"), ("TokenCode", "123456"))).MustBe(403, "AccessDenied");
        (await sts.AssumeAsync(user, "deploy", ("ProvidedContexts.member.1.ProviderArn", "arn:aws:iam::aws:contextProvider/IdentityCenter"), ("ProvidedContexts.member.1.ContextAssertion", "abcd"))).MustBe(400, "ValidationError");
    }

    [Fact]
    public async Task Session_token_of_a_user_is_the_user_and_gives_no_further_session_token()
    {
        await using var sts = await StartAsync();
        var user = await sts.AddUserAsync("ana");
        var answer = await sts.CallAsync(user, "GetSessionToken", ("DurationSeconds", "900"));
        var identity = await sts.CallAsync(answer.Key, "GetCallerIdentity");
        Assert.Equal(Ana, identity["Arn"]);
        (await sts.CallAsync(answer.Key, "GetSessionToken")).MustBe(403, "AccessDenied");
        await sts.AddRoleAsync("deploy", Trust(Ana), maxSeconds: 43_200);
        Assert.Equal(200, (await sts.AssumeAsync(answer.Key, "deploy", ("DurationSeconds", "7200"))).Status);
        (await sts.CallAsync(user, "GetSessionToken", ("DurationSeconds", "129601"))).MustBe(400, "ValidationError");
        var root = await sts.CallAsync(sts.Root, "GetSessionToken", ("DurationSeconds", "129600"));
        Assert.Equal(sts.Clock.GetUtcNow().AddHours(1), DateTimeOffset.Parse(root["Expiration"]!, System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal($"arn:aws:iam::{Account}:root", (await sts.CallAsync(root.Key, "GetCallerIdentity"))["Arn"]);
    }

    [Fact]
    public async Task Policies_see_the_sessions_own_values_and_those_of_its_caller()
    {
        await using var sts = await StartAsync();
        var user = await sts.AddUserAsync("ana");
        await sts.AddRoleAsync("named", Trust(Ana, When("StringLike", "sts:RoleSessionName", "${aws:username}")));
        (await sts.AssumeAsync(user, "named")).MustBe(403, "AccessDenied");
        Assert.Equal(200, (await sts.CallAsync(user, "AssumeRole", ("RoleArn", $"arn:aws:iam::{Account}:role/named"), ("RoleSessionName", "ana"))).Status);
        await sts.AddRoleAsync("near", Trust(Ana, When("IpAddress", "aws:SourceIp", "127.0.0.0/8")));
        await sts.AddRoleAsync("far", Trust(Ana, When("IpAddress", "aws:SourceIp", "10.0.0.0/8")));
        Assert.Equal(200, (await sts.AssumeAsync(user, "near")).Status);
        (await sts.AssumeAsync(user, "far")).MustBe(403, "AccessDenied");
    }

    [Fact]
    public async Task Unreadable_trust_policy_trusts_nobody()
    {
        await using var sts = await StartAsync();
        var user = await sts.AddUserAsync("ana", Allow("sts:AssumeRole"));
        await sts.AddRoleAsync("broken", Trust(Ana)[..^1]);
        await sts.AddRoleAsync("unknown", Trust(Ana, When("StringEqualz", "sts:ExternalId", "x")));
        (await sts.AssumeAsync(user, "broken")).MustBe(403, "AccessDenied");
        (await sts.AssumeAsync(user, "unknown", ("ExternalId", "xx"))).MustBe(403, "AccessDenied");
    }

    [Fact]
    public async Task Form_faults_are_told_as_sts_tells_them()
    {
        await using var sts = await StartAsync();
        (await sts.CallAsync(sts.Root, "AssumeRole")).MustBe(400, "ValidationError");
        (await sts.CallAsync(sts.Root, "Nothing")).MustBe(400, "InvalidAction");
        (await sts.AssumeAsync(sts.Root, "x", ("Tags.member.2.Key", "gap"), ("Tags.member.2.Value", "x"))).MustBe(400, "MalformedInput");
        (await sts.CallAsync(null, "AssumeRole", ("RoleArn", "x"))).MustBe(403, "MissingAuthenticationToken");
        Assert.DoesNotContain("AKIA", Encoding.UTF8.GetString(sts.LastRecord.RequestParameters ?? []), StringComparison.Ordinal);
    }

    private static (string, string?)[] Tag(string key, string value) => [("Tags.member.1.Key", key), ("Tags.member.1.Value", value)];
}

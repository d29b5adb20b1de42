using System.Text;
using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Server.Tests.Access;
using static Longshore.Server.Tests.Sts.StsFixture;

namespace Longshore.Server.Tests.Sts;

/// <summary>What session tokens are good for, and what those try who have none, an old one or somebody else's.</summary>
public sealed class SessionTokenTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Session_signs_in_header_and_query_with_its_token()
    {
        await using var sts = await StartAsync();
        var key = await SessionAsync(sts);
        Assert.StartsWith("ASIA", key.Id, StringComparison.Ordinal);
        Assert.Equal(40, key.Secret.Length);
        var caller = (await sts.AuthenticateAsync(key)).Caller!;
        Assert.Equal(PrincipalKind.RoleSession, caller.Principal.Kind);
        Assert.Equal($"arn:aws:sts::{Account}:assumed-role/deploy/session", caller.Principal.Arn);
        Assert.Equal($"arn:aws:iam::{Account}:role/deploy", caller.Principal.RoleArn);
        Assert.Matches(@"\AAROATEST\d+:session\z", caller.Principal.UserId);
        Assert.Equal(key.Id, caller.AccessKey!.Id);
        var signer = new TestSigner(key.Id, key.Secret) { Service = "sts", Region = "us-east-1" };
        Assert.True((await sts.AuthenticateAsync(signer.Presign([], [("X-Amz-Security-Token", key.Token!)], sts.Clock.GetUtcNow(), 60))).Succeeded);
    }

    [Fact]
    public async Task Token_may_be_appended_to_a_presigned_url_that_was_signed_without_it()
    {
        await using var sts = await StartAsync();
        var key = await SessionAsync(sts);
        var url = new TestSigner(key.Id, key.Secret) { Service = "sts", Region = "us-east-1" }.Presign([], [("Action", "GetCallerIdentity")], sts.Clock.GetUtcNow(), 60);
        Assert.False((await sts.AuthenticateAsync(url)).Succeeded);
        Assert.True((await sts.AuthenticateAsync(url with { Target = $"{url.Target}&X-Amz-Security-Token={Uri.EscapeDataString(key.Token!)}" })).Succeeded);
        Assert.False((await sts.AuthenticateAsync(url with { Target = $"{url.Target.Replace("GetCallerIdentity", "GetSessionToken", StringComparison.Ordinal)}&X-Amz-Security-Token={Uri.EscapeDataString(key.Token!)}" })).Succeeded);
    }

    [Fact]
    public async Task Session_key_without_its_token_is_unknown()
    {
        await using var sts = await StartAsync();
        Assert.Equal(AuthenticationFailure.UnknownKey, (await sts.AuthenticateAsync(await SessionAsync(sts) with { Token = null })).Failure);
    }

    [Fact]
    public async Task Token_does_not_go_with_the_key_or_secret_of_another_session()
    {
        await using var sts = await StartAsync();
        var (first, second) = (await SessionAsync(sts), await AgainAsync(sts));
        Assert.Equal(AuthenticationFailure.UnknownKey, (await sts.AuthenticateAsync(first with { Token = second.Token })).Failure);
        Assert.Equal(AuthenticationFailure.UnknownKey, (await sts.AuthenticateAsync(first with { Id = second.Id })).Failure);
        Assert.Equal(AuthenticationFailure.Mismatch, (await sts.AuthenticateAsync(first with { Secret = second.Secret })).Failure);
        Assert.Equal(AuthenticationFailure.UnknownKey, (await sts.AuthenticateAsync(first with { Id = second.Id, Secret = second.Secret })).Failure);
    }

    [Fact]
    public async Task Long_term_key_with_a_session_token_is_refused()
    {
        await using var sts = await StartAsync();
        var session = await SessionAsync(sts);
        Assert.Equal(AuthenticationFailure.UnknownKey, (await sts.AuthenticateAsync(sts.Root with { Token = session.Token })).Failure);
        Assert.Equal(AuthenticationFailure.UnknownKey, (await sts.AuthenticateAsync(sts.Root with { Token = "x" })).Failure);
        Assert.Equal(AuthenticationFailure.UnknownKey, (await sts.AuthenticateAsync(sts.Root with { Token = "" })).Failure);
    }

    [Fact]
    public async Task Truncated_tampered_and_lengthened_tokens_are_refused()
    {
        await using var sts = await StartAsync();
        var key = await SessionAsync(sts);
        var bytes = Convert.FromBase64String(key.Token!);
        var tried = new List<string> { key.Token![..^4], key.Token[4..], key.Token + "AAAA", key.Token + "=", " " + key.Token, new('A', 20_000) };
        for (var i = 0; i < bytes.Length; i += 7)
        {
            bytes[i] ^= 1;
            tried.Add(Convert.ToBase64String(bytes));
            bytes[i] ^= 1;
        }

        foreach (var token in tried) Assert.Equal(AuthenticationFailure.UnknownKey, (await sts.AuthenticateAsync(key with { Token = token })).Failure);
        Assert.True((await sts.AuthenticateAsync(key)).Succeeded);
    }

    [Fact]
    public async Task Token_forged_with_another_servers_key_or_another_kind_of_box_is_refused()
    {
        await using var sts = await StartAsync();
        await using var other = await StartAsync();
        var (key, foreign) = (await SessionAsync(sts), await SessionAsync(other));
        Assert.Equal(AuthenticationFailure.UnknownKey, (await sts.AuthenticateAsync(foreign)).Failure);
        // The ticket itself, sealed for another purpose: a registry token is no session token, nor the other way round.
        var caller = (await sts.AuthenticateAsync(key)).Caller!;
        var sealedElsewhere = sts.Get<SealedBox>().Seal("longshore registry token", caller.AccessKey!.Ticket!.Write(), []);
        Assert.Equal(AuthenticationFailure.UnknownKey, (await sts.AuthenticateAsync(key with { Token = Convert.ToBase64String(sealedElsewhere) })).Failure);
        Assert.Equal(ErrorCode.Unauthorized, (await sts.LogInAsync(key.Token!)).Error!.Code);
    }

    [Fact]
    public async Task Two_tokens_in_one_request_are_refused()
    {
        await using var sts = await StartAsync();
        var key = await SessionAsync(sts);
        var request = sts.Sign(key, "x");
        request.Headers["X-Amz-Security-Token"] = new[] { key.Token, key.Token };
        Assert.Equal(AuthenticationError.IncompleteSignature, (await sts.AuthenticateAsync(request)).Failure!.Error);
        request = sts.Sign(key, "x");
        Assert.Equal(AuthenticationError.IncompleteSignature, (await sts.AuthenticateAsync(request with { Target = $"/?X-Amz-Security-Token={Uri.EscapeDataString(key.Token!)}" })).Failure!.Error);
    }

    [Fact]
    public async Task Token_in_an_unsigned_header_is_refused()
    {
        await using var sts = await StartAsync();
        var key = await SessionAsync(sts);
        var request = sts.Sign(key with { Token = null }, "x");
        request.Headers["X-Amz-Security-Token"] = key.Token;
        Assert.Equal(AuthenticationError.InvalidSignature, (await sts.AuthenticateAsync(request)).Failure!.Error);
    }

    [Fact]
    public async Task Session_ends_on_time_and_says_so_to_the_holder_of_its_secret_alone()
    {
        await using var sts = await StartAsync();
        var key = await SessionAsync(sts, ("DurationSeconds", "900"));
        sts.Clock.Advance(TimeSpan.FromSeconds(899));
        Assert.True((await sts.AuthenticateAsync(key)).Succeeded);
        sts.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(AuthenticationFailure.Expired, (await sts.AuthenticateAsync(key)).Failure);
        Assert.Equal(AuthenticationFailure.Mismatch, (await sts.AuthenticateAsync(key with { Secret = "guess" })).Failure);
        (await sts.CallAsync(key, "GetCallerIdentity")).MustBe(403, "ExpiredToken");
    }

    [Fact]
    public async Task Captured_request_cannot_be_replayed_after_five_minutes_nor_turned_into_another()
    {
        await using var sts = await StartAsync();
        var request = sts.Sign(await SessionAsync(sts), "Action=GetCallerIdentity&Version=2011-06-15");
        Assert.Equal(200, (await sts.SendAsync(request)).Status);
        (await sts.SendAsync(request with { Body = Encoding.UTF8.GetBytes("Action=GetSessionToken&Version=2011-06-15") })).MustBe(403, "SignatureDoesNotMatch");
        sts.Clock.Advance(TimeSpan.FromSeconds(301));
        (await sts.SendAsync(request)).MustBe(403, "SignatureDoesNotMatch");
    }

    [Fact]
    public async Task Registry_token_of_a_session_ends_with_the_session()
    {
        await using var sts = await StartAsync();
        var key = await SessionAsync(sts, ("DurationSeconds", "900"));
        var token = await sts.RegistryTokenAsync(key);
        Assert.Equal(sts.Clock.GetUtcNow().AddSeconds(900).ToUnixTimeSeconds(), token.ExpiresAt.ToUnixTimeSeconds());
        var caller = (await sts.LogInAsync(token.Value)).Value;
        Assert.Equal($"arn:aws:sts::{Account}:assumed-role/deploy/session", caller.Principal.Arn);
        Assert.NotNull(caller.Principal.Session);
        sts.Clock.Advance(TimeSpan.FromSeconds(900));
        Assert.Equal(ErrorCode.TokenExpired, (await sts.LogInAsync(token.Value)).Error!.Code);
    }

    [Fact]
    public async Task Registry_token_of_a_long_session_ends_after_twelve_hours()
    {
        await using var sts = await StartAsync();
        var user = await sts.AddUserAsync("ana");
        var key = (await sts.CallAsync(user, "GetSessionToken", ("DurationSeconds", "129600"))).Key;
        Assert.Equal(sts.Clock.GetUtcNow().AddHours(12).ToUnixTimeSeconds(), (await sts.RegistryTokenAsync(key)).ExpiresAt.ToUnixTimeSeconds());
    }

    [Theory]
    [InlineData("UPDATE principals SET disabled_at = 1 WHERE kind = 'role'")]
    [InlineData("DELETE FROM principals WHERE kind = 'role'")]
    [InlineData("UPDATE access_keys SET disabled_at = 1 WHERE access_key_id LIKE 'AKIATEST%'")]
    [InlineData("DELETE FROM access_keys WHERE access_key_id LIKE 'AKIATEST%'")]
    [InlineData("UPDATE principals SET disabled_at = 1 WHERE kind = 'user'")]
    [InlineData("DELETE FROM principals WHERE kind = 'user'")]
    public async Task Session_and_its_registry_token_end_at_once_with_role_user_or_origin_key(string change)
    {
        await using var sts = await StartAsync();
        var key = await SessionAsync(sts);
        var token = (await sts.RegistryTokenAsync(key)).Value;
        Assert.True((await sts.LogInAsync(token)).Succeeded);
        await sts.ExecuteAsync(change);
        Assert.Equal(AuthenticationFailure.UnknownKey, (await sts.AuthenticateAsync(key)).Failure);
        Assert.Equal(ErrorCode.Unauthorized, (await sts.LogInAsync(token)).Error!.Code);
    }

    [Fact]
    public async Task Revoking_ends_what_was_issued_before_and_nothing_after()
    {
        await using var sts = await StartAsync();
        var key = await SessionAsync(sts);
        var token = (await sts.RegistryTokenAsync(key)).Value;
        Assert.True((await sts.LogInAsync(token)).Succeeded);
        var revocation = sts.Get<SessionRevocation>();
        Assert.Equal(ErrorCode.InvalidParameter, (await revocation.RevokeAsync(OtherAccount, $"arn:aws:iam::{Account}:role/deploy", Token)).Error!.Code);
        Assert.Equal(ErrorCode.InvalidParameter, (await revocation.RevokeAsync(Account, $"arn:aws:iam::{Account}:role/x/deploy", Token)).Error!.Code);
        Assert.True((await sts.AuthenticateAsync(key)).Succeeded);
        Assert.True((await revocation.RevokeAsync(Account, $"arn:aws:iam::{Account}:role/deploy", Token)).Succeeded);
        Assert.Equal(AuthenticationFailure.UnknownKey, (await sts.AuthenticateAsync(key)).Failure);
        Assert.Equal(ErrorCode.Unauthorized, (await sts.LogInAsync(token)).Error!.Code);
        sts.Clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.True((await sts.AuthenticateAsync(await AgainAsync(sts))).Succeeded);
    }

    [Fact]
    public async Task Session_assumed_from_a_revoked_one_ends_with_it()
    {
        await using var sts = await StartAsync();
        var first = await SessionAsync(sts);
        await sts.AddRoleAsync("second", Trust($"arn:aws:iam::{Account}:role/deploy"));
        var second = (await sts.AssumeAsync(first, "second")).Key;
        await sts.AddRoleAsync("third", Trust($"arn:aws:iam::{Account}:role/second"));
        var third = (await sts.AssumeAsync(second, "third")).Key;
        Assert.True((await sts.AuthenticateAsync(third)).Succeeded);
        await sts.Get<SessionRevocation>().RevokeAsync(Account, $"arn:aws:iam::{Account}:role/deploy", Token);
        Assert.Equal(AuthenticationFailure.UnknownKey, (await sts.AuthenticateAsync(second)).Failure);
        Assert.Equal(AuthenticationFailure.UnknownKey, (await sts.AuthenticateAsync(third)).Failure);
    }

    [Fact]
    public async Task Role_that_assumes_itself_for_ever_is_revoked_all_the_same()
    {
        await using var sts = await StartAsync();
        var user = await sts.AddUserAsync("ana", Allow("sts:AssumeRole"));
        await sts.AddRoleAsync("loop", Trust(Account), Allow("sts:AssumeRole"));
        var key = (await sts.AssumeAsync(user, "loop")).Key;
        for (var i = 0; i < 20; i++)
        {
            sts.Clock.Advance(TimeSpan.FromMinutes(50));
            key = (await sts.AssumeAsync(key, "loop")).Key;
        }

        Assert.Single((await sts.AuthenticateAsync(key)).Caller!.AccessKey!.Ticket!.Ancestors);
        await sts.ExecuteAsync("UPDATE access_keys SET disabled_at = 1 WHERE access_key_id LIKE 'AKIATEST%'");
        Assert.Equal(AuthenticationFailure.UnknownKey, (await sts.AuthenticateAsync(key)).Failure);
    }

    [Fact]
    public async Task Secrets_and_tokens_are_never_logged_nor_told_to_the_trail()
    {
        await using var sts = await StartAsync();
        var key = await SessionAsync(sts);
        var told = Encoding.UTF8.GetString(sts.LastRecord.ResponseElements!) + Encoding.UTF8.GetString(sts.LastRecord.RequestParameters!);
        Assert.Contains(key.Id, told, StringComparison.Ordinal);
        await sts.AuthenticateAsync(key with { Secret = "guess" });
        foreach (var text in new[] { told, sts.Log.Text })
        {
            Assert.DoesNotContain(key.Secret, text, StringComparison.Ordinal);
            Assert.DoesNotContain(key.Token!, text, StringComparison.Ordinal);
            Assert.DoesNotContain(key.Token![..40], text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Key_id_of_a_session_tells_its_account()
    {
        for (var i = 0; i < 100; i++)
        {
            Assert.Equal("000000000012", SessionCredentials.AccountOf(SessionCredentials.NewKey("000000000012").Id));
            Assert.Equal("999999999999", SessionCredentials.AccountOf(SessionCredentials.NewKey("999999999999").Id));
        }

        await using var sts = await StartAsync();
        var key = await SessionAsync(sts);
        Assert.Equal(Account, (await sts.CallAsync(sts.Root, "GetAccessKeyInfo", ("AccessKeyId", key.Id)))["Account"]);
        Assert.Equal(Account, (await sts.CallAsync(sts.Root, "GetAccessKeyInfo", ("AccessKeyId", sts.Root.Id)))["Account"]);
        (await sts.CallAsync(sts.Root, "GetAccessKeyInfo", ("AccessKeyId", "AKIAUNKNOWNUNKNOWN12"))).MustBe(400, "ValidationError");
        (await sts.CallAsync(await sts.AddUserAsync("nobody"), "GetAccessKeyInfo", ("AccessKeyId", key.Id))).MustBe(403, "AccessDenied");
    }

    [Fact]
    public async Task Last_use_of_keys_and_roles_is_kept_once_a_minute()
    {
        await using var sts = await StartAsync();
        var key = await SessionAsync(sts);
        await sts.AuthenticateAsync(key);
        var uses = sts.Get<LastUse>();
        await uses.FlushAsync(Token);
        var at = sts.Clock.GetUtcNow();
        Assert.Equal((Storage.Metadata.DbTime.ToDatabase(at), "sts", "us-east-1"), await KeyUseAsync(sts));
        Assert.Equal(Storage.Metadata.DbTime.ToDatabase(at), await sts.ReadAsync("SELECT last_used_at FROM principals WHERE kind = 'role'", static row => row.GetInt64(0)));
        sts.Clock.Advance(TimeSpan.FromSeconds(59));
        await AgainAsync(sts);
        await uses.FlushAsync(Token);
        Assert.Equal(Storage.Metadata.DbTime.ToDatabase(at), (await KeyUseAsync(sts)).At);
        sts.Clock.Advance(TimeSpan.FromSeconds(1));
        await AgainAsync(sts);
        await uses.FlushAsync(Token);
        Assert.Equal(Storage.Metadata.DbTime.ToDatabase(at.AddSeconds(60)), (await KeyUseAsync(sts)).At);
    }

    [Fact]
    public async Task Largest_session_fits_the_header_of_a_registry_login()
    {
        await using var sts = await StartAsync();
        await SessionAsync(sts);
        var random = new Random(7);
        string Noise(int length) => string.Concat(Enumerable.Range(0, length).Select(_ => (char)('a' + random.Next(26))));
        var policy = Allow("ecr:*", "arn:aws:ecr:us-east-1:123456789012:repository/" + Noise(5000));
        TestKeyPair? largest = null;
        for (var cut = 0; largest is null; cut += 100)
        {
            var answer = await sts.AssumeAsync(Origin(sts), "deploy", ("Policy", policy.Remove(150, cut)));
            if (answer.Status == 200) largest = answer.Key;
            else answer.MustBe(400, "PackedPolicyTooLarge");
        }

        var token = (await sts.RegistryTokenAsync(largest)).Value;
        var header = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("AWS:" + token));
        Assert.InRange(header.Length, 4000, RegistryCredentials.MaxLength);
        Assert.InRange(token.Length, 2000, RegistryTokens.MaxLength);
        Assert.InRange(largest.Token!.Length, 2000, SessionCredentials.MaxTokenLength);
        Assert.True((await sts.LogInAsync(token)).Succeeded);
    }

    private static async Task<(long At, string Service, string Region)> KeyUseAsync(StsFixture sts) => await sts.ReadAsync(
        "SELECT last_used_at, last_used_service, last_used_region FROM access_keys WHERE access_key_id LIKE 'AKIATEST%'",
        static row => (row.GetInt64(0), row.GetString(1), row.GetString(2)));

    // A session of role deploy, which user ana may assume.
    private static async Task<TestKeyPair> SessionAsync(StsFixture sts, params (string, string?)[] members)
    {
        await sts.AddUserAsync("ana");
        await sts.AddRoleAsync("deploy", Trust($"arn:aws:iam::{Account}:user/ana"));
        return (await sts.AssumeAsync(Origin(sts), "deploy", members)).Key;
    }

    private static async Task<TestKeyPair> AgainAsync(StsFixture sts) => (await sts.AssumeAsync(Origin(sts), "deploy")).Key;

    private static TestKeyPair Origin(StsFixture sts) => new("AKIATEST000000000001", new string('b', 40), null);
}

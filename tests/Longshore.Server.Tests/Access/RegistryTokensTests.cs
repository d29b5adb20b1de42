using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Longshore.Core;
using Longshore.Server.Access;

namespace Longshore.Server.Tests.Access;

public sealed class RegistryTokensTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static string Basic(string token, string user = "AWS") => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{token}"));

    private static async Task<IssuedToken> Issue(AccessFixture access) =>
        access.Get<RegistryTokens>().Issue(await access.SignInAsync(), new RegistryId("210987654321", "eu-west-1"));

    [Fact]
    public async Task Token_stands_for_its_principal_and_registry_for_twelve_hours()
    {
        await using var access = await AccessFixture.StartAsync();
        var token = await Issue(access);
        Assert.Equal(access.Clock.GetUtcNow().AddHours(12), token.ExpiresAt);
        access.Clock.Advance(TimeSpan.FromHours(12) - TimeSpan.FromSeconds(1));
        var caller = (await access.AuthenticateRegistryAsync(Basic(token.Value))).Value;
        Assert.Equal("arn:aws:iam::123456789012:root", caller.Principal.Arn);
        Assert.Equal(new RegistryId("210987654321", "eu-west-1"), caller.Registry);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Expired_token_is_told_so_also_when_it_was_opened_before(bool openedBefore)
    {
        await using var access = await AccessFixture.StartAsync();
        var token = await Issue(access);
        if (openedBefore) Assert.True((await access.AuthenticateRegistryAsync(Basic(token.Value))).Succeeded);
        access.Clock.Advance(TimeSpan.FromHours(12));
        var error = (await access.AuthenticateRegistryAsync(Basic(token.Value))).Error!;
        Assert.Equal(ErrorCode.TokenExpired, error.Code);
        Assert.Equal("Your authorization token has expired. Reauthenticate and try again.", error.Message);
    }

    [Fact]
    public async Task Header_may_be_basic_or_bearer_in_any_case()
    {
        await using var access = await AccessFixture.StartAsync();
        var token = (await Issue(access)).Value;
        foreach (var header in new[] { Basic(token), Basic(token).Replace("Basic", "bAsIc", StringComparison.Ordinal), "Bearer " + token, "bearer " + token, Basic(token).Replace("Basic", "Bearer", StringComparison.Ordinal) })
        {
            Assert.True((await access.AuthenticateRegistryAsync(header)).Succeeded, header[..8]);
            Assert.True((await access.AuthenticateRegistryAsync(header)).Succeeded, header[..8]);
        }
    }

    [Fact]
    public async Task No_header_is_anonymous_in_the_registry_of_the_request()
    {
        await using var access = await AccessFixture.StartAsync();
        Assert.Equal(new Caller(Principal.Anonymous, AccessFixture.Home), (await access.AuthenticateRegistryAsync()).Value);
    }

    [Fact]
    public async Task Other_headers_are_refused_without_an_exception()
    {
        await using var access = await AccessFixture.StartAsync();
        var token = (await Issue(access)).Value;
        string[] headers =
        [
            "", " ", "Basic", "Basic ", "Basic !!!", "Basic QQ", "Basic =", "Basic " + Convert.ToBase64String([0xff, 0xfe]), Basic(""), Basic(token, "aws"),
            Basic(token, ""), Basic(token + " "), Basic(token) + "\t", "Basic " + token, "Digest " + token, "Bearer", "Bearer ", "Bearer x", "Bearer " + token + "=",
            "Bearer " + new string('A', 5000), "AWS4-HMAC-SHA256 Credential=x", token, Basic(token[1..]), "Bearer " + token.Insert(4, "\n"),
        ];
        foreach (var header in headers) Assert.Equal(ErrorCode.Unauthorized, (await access.AuthenticateRegistryAsync(header)).Error!.Code);
        Assert.Equal(ErrorCode.Unauthorized, (await access.AuthenticateRegistryAsync(Basic(token), Basic(token))).Error!.Code);
    }

    [Fact]
    public async Task Any_changed_character_and_any_truncation_fail()
    {
        await using var access = await AccessFixture.StartAsync();
        var token = (await Issue(access)).Value;
        Assert.True((await access.AuthenticateRegistryAsync("Bearer " + token)).Succeeded);
        for (var i = 0; i < token.Length; i++)
        {
            foreach (var other in "AB_-9")
            {
                if (token[i] == other) continue;
                Assert.Equal(ErrorCode.Unauthorized, (await access.AuthenticateRegistryAsync("Bearer " + token[..i] + other + token[(i + 1)..])).Error?.Code);
            }

            Assert.Equal(ErrorCode.Unauthorized, (await access.AuthenticateRegistryAsync(Basic(token[..i]))).Error?.Code);
        }
    }

    [Fact]
    public async Task Token_of_another_server_fails()
    {
        await using var access = await AccessFixture.StartAsync();
        await using var other = await AccessFixture.StartAsync();
        Assert.Equal(ErrorCode.Unauthorized, (await access.AuthenticateRegistryAsync(Basic((await Issue(other)).Value))).Error!.Code);
    }

    [Fact]
    public async Task Token_outlives_rotation_and_restart()
    {
        await using var access = await AccessFixture.StartAsync();
        var token = await Issue(access);
        await access.Get<ServerKeys>().RotateAsync(Cancellation);
        Assert.True((await access.AuthenticateRegistryAsync(Basic(token.Value))).Succeeded);
        await using var again = await AccessFixture.StartAsync(access.Directory);
        Assert.True((await again.AuthenticateRegistryAsync(Basic(token.Value))).Succeeded);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Token_ends_with_its_key_or_principal_also_when_it_was_opened_before(bool principal)
    {
        await using var access = await AccessFixture.StartAsync();
        var token = await Issue(access);
        Assert.True((await access.AuthenticateRegistryAsync(Basic(token.Value))).Succeeded);
        var store = access.Get<PrincipalStore>();
        if (principal) await store.DisablePrincipalAsync((await store.FindKeyAsync(access.Root.AccessKeyId, Cancellation))!, Cancellation);
        else await store.DisableKeyAsync(access.Root.AccessKeyId, Cancellation);
        Assert.Equal(ErrorCode.Unauthorized, (await access.AuthenticateRegistryAsync(Basic(token.Value))).Error!.Code);
        Assert.Equal(AuthenticationFailure.UnknownKey, (await access.AuthenticateAwsAsync(access.Signer.Sign("POST", [""], [], [], [], access.Clock.GetUtcNow()))).Failure);
    }

    [Fact]
    public async Task Signed_caller_has_the_registry_of_key_and_scope()
    {
        await using var access = await AccessFixture.StartAsync();
        var caller = await access.SignInAsync();
        Assert.Equal(new RegistryId(AccessFixture.Account, "eu-west-1"), caller.Registry);
        Assert.Equal(PrincipalKind.Root, caller.Principal.Kind);
        Assert.Equal(access.Root.AccessKeyId, caller.AccessKey!.Id);
    }

    [Fact]
    public async Task Signed_requests_fail_by_their_reason()
    {
        await using var access = await AccessFixture.StartAsync();
        var now = access.Clock.GetUtcNow();
        Assert.Equal(AuthenticationFailure.Mismatch, (await access.AuthenticateAwsAsync((access.Signer with { Secret = "x" }).Sign("POST", [""], [], [], [], now))).Failure);
        Assert.Equal(AuthenticationFailure.UnknownKey, (await access.AuthenticateAwsAsync((access.Signer with { AccessKeyId = "AKIAIOSFODNN7EXAMPLE" }).Sign("POST", [""], [], [], [], now))).Failure);
        Assert.Equal(AuthenticationFailure.UnknownKey, (await access.AuthenticateAwsAsync(access.Signer.Sign("POST", [""], [], [("X-Amz-Security-Token", "x")], [], now))).Failure);
        Assert.Equal(AuthenticationFailure.UnknownKey, (await access.AuthenticateAwsAsync(access.Signer.Presign([], [("X-Amz-Security-Token", "x")], now, 60))).Failure);
        Assert.True((await access.AuthenticateAwsAsync(access.Signer.Presign([], [("Action", "GetCallerIdentity")], now, 60))).Succeeded);
    }

    [Fact]
    public async Task Layer_url_is_good_for_its_layer_for_an_hour()
    {
        await using var access = await AccessFixture.StartAsync();
        var signer = access.Get<LayerUrlSigner>();
        Assert.True(RepositoryName.TryParse("team/app", out var name));
        var layer = new LayerUrl(AccessFixture.Home, name, Digest.Compute("x"u8));
        var url = signer.Sign(layer);
        Assert.StartsWith($"/longshore/v1/layers/123456789012/us-east-1/team/app@{layer.Digest}?expires=", url, StringComparison.Ordinal);
        var resource = url[LayerUrlSigner.PathPrefix.Length..url.IndexOf('?', StringComparison.Ordinal)];
        var query = url[(url.IndexOf('?', StringComparison.Ordinal) + 1)..].Split('&').Select(p => p[(p.IndexOf('=', StringComparison.Ordinal) + 1)..]).ToArray();

        Assert.Equal(layer, signer.Verify(resource, query[0], query[1], query[2]).Value);
        await access.Get<ServerKeys>().RotateAsync(Cancellation);
        Assert.Equal(layer, signer.Verify(resource, query[0], query[1], query[2]).Value);

        (string, string?, string?, string?)[] forged =
        [
            (resource.Replace("team/app", "team/apps", StringComparison.Ordinal), query[0], query[1], query[2]),
            (resource.Replace("us-east-1", "us-east-2", StringComparison.Ordinal), query[0], query[1], query[2]),
            (resource.Replace(layer.Digest.Value, Digest.Compute("y"u8).Value, StringComparison.Ordinal), query[0], query[1], query[2]),
            (resource, query[0] + "0", query[1], query[2]), (resource, "0" + query[0], "2", query[2]), (resource, query[0], "9", query[2]),
            (resource, null, query[1], query[2]), (resource, query[0], null, query[2]), (resource, query[0], query[1], null), (resource, query[0], query[1], ""),
            (resource, query[0], query[1], new string('A', 43)), (resource, query[0], query[1], new string('!', 43)), ("", query[0], query[1], query[2]), ("a/b/c", query[0], query[1], query[2]),
        ];
        foreach (var (r, e, k, s) in forged) Assert.Equal("The signature of the URL is not valid.", signer.Verify(r, e, k, s).Error?.Message);

        access.Clock.Advance(TimeSpan.FromHours(1) - TimeSpan.FromSeconds(1));
        Assert.True(signer.Verify(resource, query[0], query[1], query[2]).Succeeded);
        access.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("Request has expired", signer.Verify(resource, query[0], query[1], query[2]).Error!.Message);
    }

    [Fact]
    public async Task Sealed_box_opens_for_its_purpose_and_context_alone()
    {
        await using var access = await AccessFixture.StartAsync();
        var box = access.Get<SealedBox>();
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), ArbMap.Default.ArbFor<byte[]>(), (content, context) =>
        {
            var made = box.Seal("purpose", content, context);
            return box.TryOpen("purpose", made, context, out var opened) && opened.AsSpan().SequenceEqual(content)
                && !box.TryOpen("other", made, context, out _) && !box.TryOpen("purpose", made, [.. context, 0], out _)
                && !box.TryOpen("purpose", made.AsSpan(0, made.Length - 1), context, out _);
        }).QuickCheckThrowOnFailure();
    }
}

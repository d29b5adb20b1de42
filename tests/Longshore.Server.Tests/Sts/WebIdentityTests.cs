using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Longshore.Server.Access;
using Longshore.TestSupport.Oidc;
using static Longshore.Server.Tests.Sts.StsFixture;

namespace Longshore.Server.Tests.Sts;

/// <summary>AssumeRoleWithWebIdentity with tokens of a real issuer, and with those of people who have none.</summary>
public sealed class WebIdentityTests : IAsyncLifetime
{
    private TestIssuer issuer = null!;
    private StsFixture sts = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private DateTimeOffset Now => sts.Clock.GetUtcNow();

    public async ValueTask InitializeAsync()
    {
        issuer = await TestIssuer.StartAsync(Token);
        sts = await StartAsync();
        await sts.AddProviderAsync(issuer);
        await sts.AddRoleAsync("ci", TrustProvider(issuer));
    }

    public async ValueTask DisposeAsync()
    {
        await sts.DisposeAsync();
        await issuer.DisposeAsync();
    }

    [Fact]
    public async Task Token_of_a_github_job_gets_a_session_and_the_answer_of_the_model()
    {
        await sts.AddRoleAsync("release", TrustProvider(issuer, new JsonObject
        {
            ["StringEquals"] = new JsonObject { [$"{issuer.Url}:aud"] = "sts.amazonaws.com", [$"{issuer.Url}:repository_owner"] = "acme" },
            ["StringLike"] = new JsonObject { [$"{issuer.Url}:sub"] = "repo:acme/*:ref:refs/heads/main" },
        }));
        var answer = await sts.AssumeWithAsync(issuer.Key.Sign(GitHub()), "release", ("DurationSeconds", "900"));
        Assert.True(answer.Status == 200, answer.ToString());
        Assert.Equal(("repo:acme/app:ref:refs/heads/main", "sts.amazonaws.com", issuer.Issuer), (answer["SubjectFromWebIdentityToken"], answer["Audience"], answer["Provider"]));
        Assert.Equal($"arn:aws:sts::{Account}:assumed-role/release/session", answer["Arn"]);
        var session = (await sts.AuthenticateAsync(answer.Key)).Caller!.Principal.Session!;
        Assert.Equal($"arn:aws:iam::{Account}:oidc-provider/{issuer.Url}", session.FederatedProvider);
        foreach (var claims in new[] { GitHub("acme/app", "refs/heads/feature"), GitHub("evil/app"), GitHub("acme-evil/app") })
        {
            (await sts.AssumeWithAsync(issuer.Key.Sign(claims), "release")).MustBe(403, "AccessDenied");
            Assert.Equal((string?)claims["sub"], (string?)JsonNode.Parse(sts.LastRecord.RequestParameters)!["subjectFromWebIdentityToken"]);
        }
    }

    [Fact]
    public async Task Token_of_a_kubernetes_service_account_is_told_by_its_nested_claims()
    {
        await sts.AddRoleAsync("builder", TrustProvider(issuer, new JsonObject
        {
            ["StringEquals"] = new JsonObject { [$"{issuer.Url}:kubernetes.io/namespace"] = "build", [$"{issuer.Url}:kubernetes.io/serviceaccount/name"] = "kaniko" },
        }));
        var answer = await sts.AssumeWithAsync(issuer.Key.Sign(issuer.KubernetesClaims("build", "kaniko", Now)), "builder");
        Assert.Equal("system:serviceaccount:build:kaniko", answer["SubjectFromWebIdentityToken"]);
        (await sts.AssumeWithAsync(issuer.Key.Sign(issuer.KubernetesClaims("build", "default", Now)), "builder")).MustBe(403, "AccessDenied");
        (await sts.AssumeWithAsync(issuer.Key.Sign(issuer.KubernetesClaims("other", "kaniko", Now)), "builder")).MustBe(403, "AccessDenied");
        (await sts.AssumeWithAsync(issuer.Key.Sign(GitHub()), "builder")).MustBe(403, "AccessDenied");
    }

    [Fact]
    public async Task Es256_is_taken()
    {
        var key = issuer.AddKey(TestKey.Ec("ec-1"));
        Assert.Equal(200, (await sts.AssumeWithAsync(key.Sign(GitHub()), "ci")).Status);
    }

    [Theory]
    [InlineData("none")]
    [InlineData("None")]
    [InlineData("NONE")]
    [InlineData("HS256")]
    [InlineData("rs256")]
    [InlineData("RS384")]
    [InlineData("PS256")]
    [InlineData("EdDSA")]
    [InlineData("")]
    public async Task Other_algorithms_are_refused(string algorithm)
    {
        var token = issuer.Key.Sign(GitHub(), header => header["alg"] = algorithm);
        (await sts.AssumeWithAsync(token, "ci")).MustBe(400, "InvalidIdentityToken");
        (await sts.AssumeWithAsync(token[..(token.LastIndexOf('.') + 1)], "ci")).MustBe(400, "InvalidIdentityToken");
    }

    [Fact]
    public async Task Shared_secret_made_of_the_public_key_is_no_signature()
    {
        // The confusion of RSA and HMAC: whoever takes the token's word for the algorithm would verify this.
        foreach (var algorithm in new[] { "HS256", "RS256" })
        {
            var head = new JsonObject { ["alg"] = algorithm, ["typ"] = "JWT", ["kid"] = issuer.Key.Id };
            var input = $"{TestKey.Encode(Encoding.UTF8.GetBytes(head.ToJsonString()))}.{TestKey.Encode(Encoding.UTF8.GetBytes(GitHub().ToJsonString()))}";
            var mac = HMACSHA256.HashData(Encoding.UTF8.GetBytes(issuer.Key.ToPem()), Encoding.UTF8.GetBytes(input));
            (await sts.AssumeWithAsync($"{input}.{TestKey.Encode(mac)}", "ci")).MustBe(400, "InvalidIdentityToken");
        }
    }

    [Fact]
    public async Task Algorithm_of_the_other_kind_of_key_is_refused()
    {
        var ec = issuer.AddKey(TestKey.Ec("ec-1"));
        (await sts.AssumeWithAsync(issuer.Key.Sign(GitHub(), header => header["alg"] = "ES256"), "ci")).MustBe(400, "InvalidIdentityToken");
        (await sts.AssumeWithAsync(ec.Sign(GitHub(), header => header["alg"] = "RS256"), "ci")).MustBe(400, "InvalidIdentityToken");
        (await sts.AssumeWithAsync(ec.Sign(GitHub(), header => header["kid"] = issuer.Key.Id), "ci")).MustBe(400, "InvalidIdentityToken");
        // A signature of zeroes ("psychic signatures").
        var token = ec.Sign(GitHub());
        (await sts.AssumeWithAsync(token[..(token.LastIndexOf('.') + 1)] + TestKey.Encode(new byte[64]), "ci")).MustBe(400, "InvalidIdentityToken");
    }

    [Theory]
    [InlineData("jwk")]
    [InlineData("jku")]
    [InlineData("x5u")]
    [InlineData("x5c")]
    [InlineData("crit")]
    [InlineData("b64")]
    [InlineData("zip")]
    public async Task Key_that_the_token_brings_itself_is_refused(string member)
    {
        using var own = TestKey.Rsa("mine");
        var token = own.Sign(GitHub(), header => header[member] = member switch
        {
            "jwk" => own.ToJwk(),
            "crit" => new JsonArray("exp"),
            "b64" => false,
            "x5c" => new JsonArray("MIIB"),
            _ => issuer.Issuer + "/keys",
        });
        (await sts.AssumeWithAsync(token, "ci")).MustBe(400, "InvalidIdentityToken");
        (await sts.AssumeWithAsync(issuer.Key.Sign(GitHub(), header => header[member] = "x"), "ci")).MustBe(400, "InvalidIdentityToken");
    }

    [Fact]
    public async Task Token_signed_by_a_stranger_under_a_known_key_id_is_refused()
    {
        using var stranger = TestKey.Rsa(issuer.Key.Id);
        (await sts.AssumeWithAsync(stranger.Sign(GitHub()), "ci")).MustBe(400, "InvalidIdentityToken");
    }

    [Theory]
    [InlineData("../../../etc/passwd")]
    [InlineData("key-1'; DROP TABLE principals; --")]
    [InlineData("key-1\0")]
    [InlineData("KEY-1")]
    [InlineData("")]
    public async Task Key_ids_are_names_and_nothing_else(string kid) =>
        (await sts.AssumeWithAsync(issuer.Key.Sign(GitHub(), header => header["kid"] = kid), "ci")).MustBe(400, "InvalidIdentityToken");

    [Fact]
    public async Task Token_without_key_id_means_the_only_key_of_its_algorithm()
    {
        var token = issuer.Key.Sign(GitHub(), static header => header.Remove("kid"));
        Assert.Equal(200, (await sts.AssumeWithAsync(token, "ci")).Status);
        issuer.AddKey(TestKey.Rsa("key-2"));
        sts.Clock.Advance(TimeSpan.FromHours(1));
        (await sts.AssumeWithAsync(issuer.Key.Sign(GitHub(), static header => header.Remove("kid")), "ci")).MustBe(400, "InvalidIdentityToken");
    }

    [Fact]
    public async Task Tampered_claims_break_the_signature()
    {
        var parts = issuer.Key.Sign(GitHub("evil/app")).Split('.');
        var other = TestKey.Encode(Encoding.UTF8.GetBytes(GitHub().ToJsonString()));
        (await sts.AssumeWithAsync($"{parts[0]}.{other}.{parts[2]}", "ci")).MustBe(400, "InvalidIdentityToken");
    }

    [Fact]
    public async Task Tokens_out_of_form_are_refused()
    {
        var good = issuer.Key.Sign(GitHub());
        var parts = good.Split('.');
        foreach (var token in new[]
        {
            "xxxx", "a.b.c", "....", good + ".", "." + good, good + "=", good + " ", " " + good, good.Replace('.', '\n'), parts[0] + "." + parts[1], good + "." + parts[2],
            $"{parts[0]}=.{parts[1]}.{parts[2]}", Convert.ToBase64String(Encoding.UTF8.GetBytes(good)), $"{parts[0]}.{parts[1]}.", $"{parts[0]}..{parts[2]}",
            issuer.Key.SignRaw("""{"alg":"RS256","kid":"key-1","kid":"key-1"}""", GitHub().ToJsonString()),
            issuer.Key.SignRaw("""{"alg":"none","alg":"RS256","kid":"key-1"}""", GitHub().ToJsonString()),
            issuer.Key.SignRaw("""{"alg":["RS256"],"kid":"key-1"}""", GitHub().ToJsonString()),
            issuer.Key.SignRaw("""{"alg":"RS256","kid":1}""", GitHub().ToJsonString()),
            issuer.Key.SignRaw("""["RS256"]""", GitHub().ToJsonString()),
            issuer.Key.SignRaw("""{"alg":"RS256","kid":"key-1"}""", "[]"),
            issuer.Key.SignRaw("""{"alg":"RS256","kid":"key-1"}""", GitHub().ToJsonString()[..^1]),
            issuer.Key.SignRaw("""{"alg":"RS256","kid":"key-1"}""", GitHub().ToJsonString()[..^1] + ",\"sub\":\"repo:acme/app\"}"),
            issuer.Key.SignRaw("""{"alg":"RS256","kid":"key-1"}""", GitHub().ToJsonString()[..^1] + ",\"x\":" + new string('[', 100) + new string(']', 100) + "}"),
        })
        {
            var answer = await sts.AssumeWithAsync(token, "ci");
            Assert.True(answer is { Status: 400, Code: "InvalidIdentityToken" }, $"{token}: {answer}");
        }

        (await sts.AssumeWithAsync(new string('a', 20_001), "ci")).MustBe(400, "ValidationError");
    }

    [Fact]
    public async Task Claims_that_make_the_same_condition_key_are_refused()
    {
        await sts.AddRoleAsync("pinned", TrustProvider(issuer, When("StringEquals", $"{issuer.Url}:sub", "repo:acme/app:ref:refs/heads/main")));
        var twice = GitHub("evil/app");
        twice["SUB"] = "repo:acme/app:ref:refs/heads/main";
        (await sts.AssumeWithAsync(issuer.Key.Sign(twice), "pinned")).MustBe(400, "InvalidIdentityToken");
        var audience = GitHub();
        audience["Aud"] = "sts.amazonaws.com";
        (await sts.AssumeWithAsync(issuer.Key.Sign(audience), "ci")).MustBe(400, "InvalidIdentityToken");
        var nested = issuer.KubernetesClaims("evil", "x", Now);
        nested["kubernetes.io/namespace"] = "build";
        (await sts.AssumeWithAsync(issuer.Key.Sign(nested), "ci")).MustBe(400, "InvalidIdentityToken");
        var many = GitHub();
        for (var i = 0; i < 200; i++) many[$"c{i}"] = "x";
        (await sts.AssumeWithAsync(issuer.Key.Sign(many), "ci")).MustBe(400, "InvalidIdentityToken");
    }

    [Fact]
    public async Task Claim_cannot_stand_in_for_a_key_of_the_server()
    {
        await sts.AddRoleAsync("near", TrustProvider(issuer, When("IpAddress", "aws:SourceIp", "10.0.0.0/8")));
        var claims = GitHub();
        claims["aws:SourceIp"] = "10.0.0.1";
        (await sts.AssumeWithAsync(issuer.Key.Sign(claims), "near")).MustBe(403, "AccessDenied");
        await sts.AddRoleAsync("partner", TrustProvider(issuer, When("StringEquals", "sts:ExternalId", "partner")));
        (await sts.AssumeWithAsync(issuer.Key.Sign(GitHub()), "partner", ("ExternalId", "partner"))).MustBe(403, "AccessDenied");
    }

    [Fact]
    public async Task Values_of_claims_are_no_patterns_and_no_variables()
    {
        await sts.AddRoleAsync("own", TrustProvider(issuer, When("StringLike", $"{issuer.Url}:repository", $"${{{issuer.Url}:repository_owner}}/app")));
        Assert.Equal(200, (await sts.AssumeWithAsync(issuer.Key.Sign(GitHub()), "own")).Status);
        foreach (var owner in new[] { "*", "?cme", "${*}", $"${{{issuer.Url}:repository_owner}}" })
        {
            var claims = GitHub();
            claims["repository_owner"] = owner;
            (await sts.AssumeWithAsync(issuer.Key.Sign(claims), "own")).MustBe(403, "AccessDenied");
        }
    }

    [Fact]
    public async Task Issuer_must_be_the_providers_exactly()
    {
        await using var other = await TestIssuer.StartAsync(Token);
        foreach (var iss in new[]
        {
            issuer.Issuer + "/", issuer.Issuer.Replace("https", "http", StringComparison.Ordinal), issuer.Issuer.Replace("localhost", "LOCALHOST", StringComparison.Ordinal), issuer.Issuer + "?", issuer.Issuer + "#x",
            issuer.Url, issuer.Issuer + "/tenant", "https://user@" + issuer.Url, other.Issuer, "https://", "", "file:///etc/passwd", "http://169.254.169.254/",
        })
        {
            var claims = GitHub();
            claims["iss"] = iss;
            (await sts.AssumeWithAsync(issuer.Key.Sign(claims), "ci")).MustBe(400, "InvalidIdentityToken");
        }

        var without = GitHub();
        without.Remove("iss");
        (await sts.AssumeWithAsync(issuer.Key.Sign(without), "ci")).MustBe(400, "InvalidIdentityToken");
        // Nothing was asked of an issuer that the account does not know.
        Assert.Equal(0, other.DiscoveryRequests);
        Assert.Equal(0, issuer.DiscoveryRequests);
    }

    [Fact]
    public async Task Token_of_one_provider_does_not_open_the_role_of_another()
    {
        await using var other = await TestIssuer.StartAsync(Token);
        await sts.AddProviderAsync(other);
        var claims = other.GitHubClaims("acme/app", "refs/heads/main", Now);
        (await sts.AssumeWithAsync(other.Key.Sign(claims), "ci")).MustBe(403, "AccessDenied");
        // Nor signed by the one in the name of the other.
        claims["iss"] = issuer.Issuer;
        (await sts.AssumeWithAsync(other.Key.Sign(claims), "ci")).MustBe(400, "InvalidIdentityToken");
    }

    [Fact]
    public async Task Audience_must_be_one_of_the_providers()
    {
        foreach (JsonNode? audience in new JsonNode?[] { "api://other", "STS.amazonaws.com", "", null, 1, new JsonArray(), new JsonArray("other"), new JsonArray("sts.amazonaws.com", "other"), new JsonArray(1), new JsonObject { ["x"] = "sts.amazonaws.com" } })
        {
            var claims = GitHub();
            claims["aud"] = audience;
            (await sts.AssumeWithAsync(issuer.Key.Sign(claims), "ci")).MustBe(400, "InvalidIdentityToken");
        }

        var several = GitHub();
        several["aud"] = new JsonArray("other", "sts.amazonaws.com");
        several["azp"] = "other";
        (await sts.AssumeWithAsync(issuer.Key.Sign(several), "ci")).MustBe(400, "InvalidIdentityToken");
        several["azp"] = "sts.amazonaws.com";
        Assert.Equal("sts.amazonaws.com", (await sts.AssumeWithAsync(issuer.Key.Sign(several), "ci"))["Audience"]);
    }

    [Fact]
    public async Task Times_count_with_a_minute_of_skew()
    {
        foreach (var (claim, offset, code) in new[]
        {
            ("exp", -60, "ExpiredTokenException"), ("exp", -3600, "ExpiredTokenException"), ("nbf", 61, "IDPRejectedClaim"), ("iat", 61, "IDPRejectedClaim"), ("iat", 86_400, "IDPRejectedClaim"),
            ("exp", -59, null), ("nbf", 60, null), ("iat", 60, null),
        })
        {
            var claims = GitHub();
            claims[claim] = Now.AddSeconds(offset).ToUnixTimeSeconds();
            var answer = await sts.AssumeWithAsync(issuer.Key.Sign(claims), "ci");
            if (code is null) Assert.Equal(200, answer.Status);
            else answer.MustBe(code == "IDPRejectedClaim" ? 403 : 400, code);
        }

        foreach (var claim in new[] { "exp", "iat" })
        {
            foreach (var value in new JsonNode?[] { null, "9999999999", 1e300, -1, true })
            {
                var claims = GitHub();
                claims[claim] = value;
                (await sts.AssumeWithAsync(issuer.Key.Sign(claims), "ci")).MustBe(400, "InvalidIdentityToken");
            }
        }
    }

    [Fact]
    public async Task Token_cannot_be_replayed_after_its_end()
    {
        var token = issuer.Key.Sign(GitHub());
        Assert.Equal(200, (await sts.AssumeWithAsync(token, "ci")).Status);
        sts.Clock.Advance(TimeSpan.FromMinutes(11));
        (await sts.AssumeWithAsync(token, "ci")).MustBe(400, "ExpiredTokenException");
    }

    [Fact]
    public async Task Subject_must_be_there()
    {
        foreach (var subject in new JsonNode?[] { null, "", 5, new string('x', 1025) })
        {
            var claims = GitHub();
            claims["sub"] = subject;
            (await sts.AssumeWithAsync(issuer.Key.Sign(claims), "ci")).MustBe(403, "IDPRejectedClaim");
        }
    }

    [Fact]
    public async Task Role_of_an_account_that_does_not_know_the_provider_stays_closed()
    {
        await sts.AddRoleAsync("ci", TrustProvider(issuer), account: OtherAccount);
        (await sts.AssumeWithAsync(issuer.Key.Sign(GitHub()), $"arn:aws:iam::{OtherAccount}:role/ci")).MustBe(400, "InvalidIdentityToken");
        // Also when that account knows it: the trust policy names the provider of this one.
        await sts.AddProviderAsync(issuer, OtherAccount);
        (await sts.AssumeWithAsync(issuer.Key.Sign(GitHub()), $"arn:aws:iam::{OtherAccount}:role/ci")).MustBe(403, "AccessDenied");
    }

    [Fact]
    public async Task Role_that_is_not_there_and_role_that_does_not_trust_answer_the_same()
    {
        await sts.AddRoleAsync("closed", TrustProvider(issuer, When("StringEquals", $"{issuer.Url}:sub", "somebody")));
        await sts.AddRoleAsync("users", Trust(Account, null, "sts:*"));
        var token = issuer.Key.Sign(GitHub());
        foreach (var role in new[] { "absent", "closed", "users" })
        {
            var answer = await sts.AssumeWithAsync(token, role);
            answer.MustBe(403, "AccessDenied");
            Assert.Equal("Not authorized to perform sts:AssumeRoleWithWebIdentity", answer.Message);
        }
    }

    [Fact]
    public async Task Sessions_end_with_their_provider()
    {
        var key = (await sts.AssumeWithAsync(issuer.Key.Sign(GitHub()), "ci")).Key;
        Assert.True((await sts.AuthenticateAsync(key)).Succeeded);
        await sts.ExecuteAsync("DELETE FROM oidc_providers");
        Assert.Equal(AuthenticationFailure.UnknownKey, (await sts.AuthenticateAsync(key)).Failure);
        (await sts.AssumeWithAsync(issuer.Key.Sign(GitHub()), "ci")).MustBe(400, "InvalidIdentityToken");
    }

    [Fact]
    public async Task Chain_from_a_web_identity_ends_within_an_hour_and_with_the_provider()
    {
        await sts.AddRoleAsync("next", Trust($"arn:aws:iam::{Account}:role/ci"), maxSeconds: 43_200);
        var key = (await sts.AssumeWithAsync(issuer.Key.Sign(GitHub()), "ci")).Key;
        (await sts.AssumeAsync(key, "next", ("DurationSeconds", "3601"))).MustBe(400, "ValidationError");
        var next = (await sts.AssumeAsync(key, "next")).Key;
        Assert.Null((await sts.AuthenticateAsync(next)).Caller!.Principal.Session!.FederatedProvider);
        await sts.ExecuteAsync("DELETE FROM oidc_providers");
        Assert.Equal(AuthenticationFailure.UnknownKey, (await sts.AuthenticateAsync(next)).Failure);
    }

    [Fact]
    public async Task Tags_and_source_identity_of_the_token_need_their_permissions()
    {
        var claims = GitHub();
        claims["https://aws.amazon.com/tags"] = new JsonObject { ["principal_tags"] = new JsonObject { ["team"] = new JsonArray("core") }, ["transitive_tag_keys"] = new JsonArray("team") };
        claims["https://aws.amazon.com/source_identity"] = "octocat";
        (await sts.AssumeWithAsync(issuer.Key.Sign(claims), "ci")).MustBe(403, "AccessDenied");
        await sts.AddRoleAsync("tagged", TrustProvider(issuer, null, "sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"));
        var answer = await sts.AssumeWithAsync(issuer.Key.Sign(claims), "tagged");
        Assert.Equal("octocat", answer["SourceIdentity"]);
        Assert.Equal("core", (await sts.AuthenticateAsync(answer.Key)).Caller!.Principal.Session!.Tags["team"]);
        foreach (var tags in new JsonNode[] { "x", new JsonObject { ["principal_tags"] = new JsonObject { ["team"] = new JsonArray("a*") } }, new JsonObject { ["principal_tags"] = new JsonArray("x") }, new JsonObject { ["principal_tags"] = new JsonObject { ["t"] = new JsonArray("a", "b") } } })
        {
            claims["https://aws.amazon.com/tags"] = tags;
            (await sts.AssumeWithAsync(issuer.Key.Sign(claims), "tagged")).MustBe(400, "InvalidIdentityToken");
        }
    }

    [Fact]
    public async Task Requests_out_of_form_are_refused()
    {
        var token = issuer.Key.Sign(GitHub());
        (await sts.AssumeWithAsync(token, "ci", ("ProviderId", "www.amazon.com"))).MustBe(400, "ValidationError");
        (await sts.AssumeWithAsync(token, $"arn:aws:iam::{Account}:user/some-user")).MustBe(400, "ValidationError");
        (await sts.AssumeWithAsync(token, "ci", ("DurationSeconds", "3601"))).MustBe(400, "ValidationError");
        (await sts.AssumeWithAsync(token, "ci", ("Policy", "{"))).MustBe(400, "MalformedPolicyDocument");
        (await sts.CallAsync(null, "AssumeRoleWithWebIdentity", ("RoleArn", $"arn:aws:iam::{Account}:role/ci"), ("RoleSessionName", "a/b"), ("WebIdentityToken", token))).MustBe(400, "ValidationError");
    }

    [Fact]
    public async Task Tokens_are_neither_logged_nor_told_to_the_trail()
    {
        var token = issuer.Key.Sign(GitHub());
        await sts.AssumeWithAsync(token, "ci");
        var told = Encoding.UTF8.GetString(sts.LastRecord.RequestParameters!) + Encoding.UTF8.GetString(sts.LastRecord.ResponseElements!);
        Assert.Contains("repo:acme/app", told, StringComparison.Ordinal);
        (await sts.AssumeWithAsync(token + "x", "ci")).MustBe(400, "InvalidIdentityToken");
        foreach (var part in token.Split('.'))
        {
            Assert.DoesNotContain(part, told, StringComparison.Ordinal);
            Assert.DoesNotContain(part, sts.Log.Text, StringComparison.Ordinal);
        }
    }

    private JsonObject GitHub(string repository = "acme/app", string reference = "refs/heads/main") => issuer.GitHubClaims(repository, reference, Now);
}

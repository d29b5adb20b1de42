using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Longshore.Server.Sts.Oidc;
using Longshore.TestSupport.Oidc;
using Microsoft.AspNetCore.Http;
using static Longshore.Server.Tests.Sts.StsFixture;

namespace Longshore.Server.Tests.Sts;

/// <summary>How the keys of issuers are fetched, kept, changed and trusted.</summary>
public sealed class IssuerKeysTests : IAsyncLifetime
{
    private TestIssuer issuer = null!;
    private StsFixture sts = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        issuer = await TestIssuer.StartAsync(Token);
        sts = await StartAsync();
        await sts.AddRoleAsync("ci", TrustProvider(issuer));
    }

    public async ValueTask DisposeAsync()
    {
        await sts.DisposeAsync();
        await issuer.DisposeAsync();
    }

    [Fact]
    public async Task Keys_are_fetched_once_an_hour()
    {
        await sts.AddProviderAsync(issuer);
        for (var i = 0; i < 5; i++) await MustAsync();
        Assert.Equal((1, 1), (issuer.DiscoveryRequests, issuer.KeyRequests));
        sts.Clock.Advance(TimeSpan.FromMinutes(59));
        await MustAsync();
        Assert.Equal(1, issuer.KeyRequests);
        sts.Clock.Advance(TimeSpan.FromMinutes(1));
        await MustAsync();
        Assert.Equal(2, issuer.KeyRequests);
    }

    [Fact]
    public async Task Cache_control_shortens_that_and_does_not_lengthen_it()
    {
        await sts.AddProviderAsync(issuer);
        issuer.CacheControl = "public, max-age=600";
        await MustAsync();
        sts.Clock.Advance(TimeSpan.FromSeconds(601));
        issuer.CacheControl = "max-age=86400";
        await MustAsync();
        Assert.Equal(2, issuer.KeyRequests);
        sts.Clock.Advance(TimeSpan.FromSeconds(3601));
        issuer.CacheControl = "no-store";
        await MustAsync();
        await MustAsync();
        Assert.Equal(3, issuer.KeyRequests);
    }

    [Fact]
    public async Task Rotated_key_is_found_at_once_and_the_old_one_is_gone()
    {
        await sts.AddProviderAsync(issuer);
        var old = issuer.Key;
        await MustAsync();
        sts.Clock.Advance(TimeSpan.FromSeconds(30));
        var key = issuer.Rotate(TestKey.Ec("key-2"));
        await MustAsync(key);
        (await AssumeAsync(old)).MustBe(400, "InvalidIdentityToken");
    }

    [Fact]
    public async Task Tokens_with_made_up_key_ids_do_not_make_the_server_ask_more_than_twice_a_minute()
    {
        await sts.AddProviderAsync(issuer);
        await MustAsync();
        for (var i = 0; i < 50; i++)
            (await sts.AssumeWithAsync(issuer.Key.Sign(Claims(), header => header["kid"] = Guid.NewGuid().ToString()), "ci")).MustBe(400, "InvalidIdentityToken");
        Assert.Equal(1, issuer.KeyRequests);
        sts.Clock.Advance(TimeSpan.FromSeconds(30));
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => sts.AssumeWithAsync(issuer.Key.Sign(Claims(), header => header["kid"] = $"x{i}"), "ci")));
        Assert.Equal(2, issuer.KeyRequests);
    }

    [Fact]
    public async Task Outage_of_the_issuer_is_bridged_for_a_day()
    {
        await sts.AddProviderAsync(issuer);
        await MustAsync();
        issuer.Down = true;
        sts.Clock.Advance(TimeSpan.FromHours(23));
        await MustAsync();
        await MustAsync();
        Assert.Equal(2, issuer.DiscoveryRequests);
        // A key that nobody has heard of may be new: it cannot be said now.
        using var unheard = TestKey.Rsa("key-9");
        (await AssumeAsync(unheard)).MustBe(400, "IDPCommunicationError");
        sts.Clock.Advance(TimeSpan.FromHours(1));
        (await AssumeAsync()).MustBe(400, "IDPCommunicationError");
        issuer.Down = false;
        sts.Clock.Advance(TimeSpan.FromSeconds(30));
        await MustAsync();
    }

    [Fact]
    public async Task Issuer_that_was_never_reached_is_asked_twice_a_minute_at_most()
    {
        await sts.AddProviderAsync(issuer);
        issuer.Down = true;
        for (var i = 0; i < 10; i++) (await AssumeAsync()).MustBe(400, "IDPCommunicationError");
        Assert.Equal(1, issuer.DiscoveryRequests);
    }

    [Fact]
    public async Task Caller_that_goes_away_does_not_keep_the_others_from_the_keys()
    {
        await sts.AddProviderAsync(issuer);
        var answering = new TaskCompletionSource();
        issuer.KeySet = async http =>
        {
            await answering.Task;
            await http.Response.WriteAsync(issuer.KeySetJson());
        };
        var provider = (await sts.Get<OidcProviders>().FindAsync(Account, issuer.Issuer, Token))!;
        var token = JsonWebToken.Parse(issuer.Key.Sign(Claims()), out _)!;
        using var gone = new CancellationTokenSource();
        var search = sts.Get<IssuerKeys>().FindAsync(provider, token, gone.Token).AsTask();
        await gone.CancelAsync();
        answering.SetResult();
        await search.ContinueWith(static _ => { }, TaskScheduler.Default);
        await MustAsync();
        Assert.Equal(1, issuer.KeyRequests);
    }

    [Fact]
    public async Task Certificate_that_nobody_trusts_is_refused_unless_it_or_its_authority_is_pinned()
    {
        await sts.AddProviderAsync(issuer, thumbprints: "");
        (await AssumeAsync()).MustBe(400, "IDPCommunicationError");
        await sts.ExecuteAsync("UPDATE oidc_providers SET thumbprints = @print", ("@print", new string('0', 40)));
        (await AssumeAsync()).MustBe(400, "IDPCommunicationError");
        Assert.Equal(0, issuer.DiscoveryRequests);
        await sts.ExecuteAsync("UPDATE oidc_providers SET thumbprints = @print", ("@print", issuer.AuthorityThumbprint.ToUpperInvariant()));
        await MustAsync();
        await sts.ExecuteAsync("UPDATE oidc_providers SET thumbprints = @print", ("@print", issuer.Thumbprint));
        await MustAsync();
        // Keys that came over a connection that is trusted no more are not used.
        await sts.ExecuteAsync("UPDATE oidc_providers SET thumbprints = @print", ("@print", new string('0', 40)));
        (await AssumeAsync()).MustBe(400, "IDPCommunicationError");
    }

    [Fact]
    public async Task Pinned_certificate_that_a_stranger_sends_along_proves_nothing()
    {
        // The impostor has a certificate of its own, and sends the pinned authority's, which is public, after it.
        await using var impostor = await TestIssuer.StartAsync(Token, issuer.Authority);
        await sts.AddProviderAsync(impostor, thumbprints: issuer.AuthorityThumbprint);
        await sts.AddRoleAsync("theirs", TrustProvider(impostor));
        (await sts.AssumeWithAsync(impostor.Key.Sign(impostor.GitHubClaims("acme/app", "refs/heads/main", sts.Clock.GetUtcNow())), "theirs")).MustBe(400, "IDPCommunicationError");
        Assert.Equal(0, impostor.DiscoveryRequests);

        // A careful TLS library does not send what is not in the chain: so also with a peer that does.
        using var chain = new X509Chain();
        chain.ChainPolicy.ExtraStore.Add(issuer.Authority);
        Assert.True(IssuerClient.IsTrusted([issuer.AuthorityThumbprint], issuer.Certificate, chain, SslPolicyErrors.RemoteCertificateChainErrors));
        Assert.False(IssuerClient.IsTrusted([issuer.AuthorityThumbprint], impostor.Certificate, chain, SslPolicyErrors.RemoteCertificateChainErrors));
        Assert.False(IssuerClient.IsTrusted([issuer.AuthorityThumbprint], issuer.Certificate, chain, SslPolicyErrors.RemoteCertificateChainErrors | SslPolicyErrors.RemoteCertificateNameMismatch));
    }

    [Fact]
    public async Task Pinned_keys_are_never_fetched()
    {
        using var other = TestKey.Rsa("key-2");
        await sts.AddProviderAsync(issuer, pinnedKeys: issuer.KeySetJson());
        await MustAsync();
        issuer.AddKey(other);
        (await AssumeAsync(other)).MustBe(400, "InvalidIdentityToken");
        Assert.Equal((0, 0), (issuer.DiscoveryRequests, issuer.KeyRequests));
    }

    [Fact]
    public async Task Discovery_document_of_another_issuer_is_refused()
    {
        await sts.AddProviderAsync(issuer);
        issuer.Discovery = static document => document["issuer"] = "https://token.actions.githubusercontent.com";
        (await AssumeAsync()).MustBe(400, "IDPCommunicationError");
    }

    [Theory]
    [InlineData("ftp://localhost/keys")]
    [InlineData("file:///etc/passwd")]
    [InlineData("/keys")]
    [InlineData("")]
    public async Task Keys_are_fetched_over_https_alone(string address)
    {
        await sts.AddProviderAsync(issuer);
        issuer.Discovery = document => document["jwks_uri"] = address;
        (await AssumeAsync()).MustBe(400, "IDPCommunicationError");
    }

    [Theory]
    [InlineData("https://example.com/keys")]
    [InlineData("https://127.0.0.1/keys")]
    [InlineData("http://169.254.169.254/latest/meta-data/")]
    public async Task Redirects_lead_nowhere_else(string location)
    {
        await sts.AddProviderAsync(issuer);
        issuer.KeySet = http =>
        {
            http.Response.Redirect(location);
            return Task.CompletedTask;
        };
        (await AssumeAsync()).MustBe(400, "IDPCommunicationError");
        Assert.Equal(1, issuer.KeyRequests);
    }

    [Fact]
    public async Task Redirects_without_end_are_left()
    {
        await sts.AddProviderAsync(issuer);
        issuer.KeySet = static http =>
        {
            http.Response.Redirect("/keys");
            return Task.CompletedTask;
        };
        (await AssumeAsync()).MustBe(400, "IDPCommunicationError");
        Assert.InRange(issuer.KeyRequests, 1, 4);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Answer_of_more_than_a_mebibyte_is_left(bool announced)
    {
        await sts.AddProviderAsync(issuer);
        issuer.KeySet = async http =>
        {
            var body = issuer.KeySetJson().PadRight((1 << 20) + 1);
            if (announced) http.Response.ContentLength = body.Length;
            await http.Response.WriteAsync(body);
        };
        (await AssumeAsync()).MustBe(400, "IDPCommunicationError");
    }

    [Fact]
    public async Task Keys_that_prove_nothing_are_passed_over()
    {
        await sts.AddProviderAsync(issuer);
        using var weak = TestKey.Rsa("weak", 1024);
        using var encryption = TestKey.Rsa("encryption");
        using var leaked = TestKey.Ec("leaked");
        issuer.KeySet = http =>
        {
            var set = JsonNode.Parse(issuer.KeySetJson())!;
            var list = set["keys"]!.AsArray();
            list.Add(weak.ToJwk());
            var use = encryption.ToJwk();
            use["use"] = "enc";
            list.Add(use);
            var secret = leaked.ToJwk();
            secret["d"] = TestKey.Encode(new byte[32]);
            list.Add(secret);
            list.Add(new JsonObject { ["kty"] = "oct", ["kid"] = "shared", ["k"] = TestKey.Encode(new byte[32]) });
            list.Add("x");
            return http.Response.WriteAsync(set.ToJsonString());
        };
        await MustAsync();
        foreach (var key in new[] { weak, encryption, leaked }) (await AssumeAsync(key)).MustBe(400, "InvalidIdentityToken");
        Assert.Contains("fetched: 1", sts.Log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Answers_that_are_no_keys_are_left()
    {
        await sts.AddProviderAsync(issuer);
        foreach (var answer in new[] { "", "[]", "{}", """{"keys":{}}""", """{"keys":[]}""", """{"keys":[],"keys":[]}""", "<html>" })
        {
            issuer.KeySet = http => http.Response.WriteAsync(answer);
            (await AssumeAsync()).MustBe(400, "IDPCommunicationError");
            sts.Clock.Advance(TimeSpan.FromSeconds(30));
        }

        Assert.Equal("7", issuer.KeyRequests.ToString(CultureInfo.InvariantCulture));
    }

    private async Task MustAsync(TestKey? key = null)
    {
        var answer = await AssumeAsync(key);
        Assert.True(answer.Status == 200, answer + "\n" + sts.Log.Text);
    }

    private Task<StsAnswer> AssumeAsync(TestKey? key = null) => sts.AssumeWithAsync((key ?? issuer.Key).Sign(Claims()), "ci");

    private JsonObject Claims() => issuer.GitHubClaims("acme/app", "refs/heads/main", sts.Clock.GetUtcNow());
}

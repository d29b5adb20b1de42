using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Longshore.Server.Access;
using Microsoft.AspNetCore.Http;

namespace Longshore.Server.Tests.Access;

public sealed class SignatureV4Tests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 14, 15, 9, 26, TimeSpan.Zero);
    private static readonly TestSigner Signer = new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");

    private static AuthenticationFailure? Verify(in SignedRequest request, DateTimeOffset? now = null, string service = "ecr", SignatureV4? verifier = null) =>
        SignatureV4Parts.TryRead(request, out var parts, out var failure)
            ? (verifier ?? new SignatureV4(new SigningKeys())).Verify(request, parts, service, Signer.Secret, now ?? Now)
            : failure;

    private static SignedRequest Typical() => Signer.Sign(
        "POST", [""], [], [("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories")], "{}"u8.ToArray(), Now);

    private static SignedRequest With(SignedRequest request, string header, string? value)
    {
        var headers = new HeaderDictionary(request.Headers.ToDictionary(StringComparer.OrdinalIgnoreCase));
        if (value is null) headers.Remove(header);
        else headers[header] = value;
        return request with { Headers = headers };
    }

    private sealed record Sample(string Method, string[] Segments, (string, string)[] Query, string HeaderValue, byte[] Body);

    private static Arbitrary<Sample> Samples()
    {
        var text = Gen.Elements("aZ09-._~/%+&=;:@ \t\"é☃\U0001F980".EnumerateRunes().Select(r => r.ToString()).ToArray()).ArrayOf().Select(string.Concat);
        // Dot segments and empty ones are normalised away, on the client and here; the vectors cover them.
        var segment = text.Where(t => t is not ("" or "." or ".."));
        var pair = from name in text where name.Length > 0 && !name.StartsWith("X-Amz", StringComparison.Ordinal) from value in text select (name, value);
        return (from method in Gen.Elements("GET", "POST", "PUT", "DELETE")
                from segments in segment.ArrayOf()
                from query in pair.ArrayOf()
                from header in text
                from body in ArbMap.Default.GeneratorFor<byte[]>()
                select new Sample(method, segments, query, header, body)).ToArbitrary();
    }

    private static SignedRequest SignSample(Sample sample) =>
        Signer.Sign(sample.Method, sample.Segments, sample.Query, [("my-header", sample.HeaderValue)], sample.Body, Now);

    [Fact]
    public void Any_signed_request_verifies() =>
        Prop.ForAll(Samples(), sample => Verify(SignSample(sample)) is null).QuickCheckThrowOnFailure();

    [Fact]
    public void Any_presigned_request_verifies() =>
        Prop.ForAll(Samples(), sample => Verify(Signer.Presign(sample.Segments, sample.Query, Now, 60)) is null).QuickCheckThrowOnFailure();

    [Fact]
    public void Any_single_change_fails() =>
        Prop.ForAll(Samples(), sample =>
        {
            var request = SignSample(sample);
            return new[]
            {
                request with { Method = request.Method + "X" },
                request with { Target = "/x" + request.Target },
                request with { Target = request.Target + (request.Target.Contains('?', StringComparison.Ordinal) ? "&x=1" : "?x=1") },
                request with { Body = Encoding.UTF8.GetBytes(Convert.ToHexString(request.Body.Span) + "x") },
                With(request, "my-header", sample.HeaderValue + "x"),
                With(request, "host", "other.example"),
                With(request, "x-amz-date", "20260314T150925Z"),
                With(request, "x-amz-target", "Added"),
            }.All(changed => Verify(changed) is { Error: AuthenticationError.InvalidSignature });
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Any_change_of_the_signature_fails() =>
        Prop.ForAll(Gen.Choose(0, 63).ToArbitrary(), position =>
        {
            var request = Typical();
            var text = request.Headers.Authorization.ToString();
            var at = text.Length - 64 + position;
            var changed = text[at] == '0' ? '1' : '0';
            return Verify(With(request, "Authorization", text[..at] + changed + text[(at + 1)..])) == AuthenticationFailure.Mismatch;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Kept_signing_keys_verify_and_a_changed_secret_does_not_find_them()
    {
        var keys = new SigningKeys();
        var verifier = new SignatureV4(keys);
        var request = Typical();
        Assert.Null(Verify(request, verifier: verifier));
        Assert.Null(Verify(request, verifier: verifier));
        Assert.True(SignatureV4Parts.TryRead(request, out var parts, out _));
        Assert.Same(keys.Get(Signer.Secret, parts.Credential), keys.Get(Signer.Secret, parts.Credential));
        Assert.Equal(AuthenticationFailure.Mismatch, verifier.Verify(request, parts, "ecr", "another secret", Now));
    }

    [Theory]
    [InlineData(-300, true)]
    [InlineData(-301, false)]
    [InlineData(300, true)]
    [InlineData(301, false)]
    public void Clock_may_be_off_by_five_minutes(int seconds, bool accepted)
    {
        var failure = Verify(Typical(), Now.AddSeconds(seconds));
        Assert.Equal(accepted, failure is null);
        if (accepted) return;
        Assert.Equal("InvalidSignatureException", failure!.JsonName);
        Assert.StartsWith(seconds > 0 ? "Signature expired: 20260314T150926Z is now earlier than " : "Signature not yet current: 20260314T150926Z is still later than ", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-301, false)]
    [InlineData(-300, true)]
    [InlineData(3600, true)]
    [InlineData(3601, false)]
    public void Presigned_request_is_good_for_its_window(int seconds, bool accepted) =>
        Assert.Equal(accepted, Verify(Signer.Presign([], [("Action", "GetCallerIdentity")], Now, 3600), Now.AddSeconds(seconds)) is null);

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(604_800, true)]
    [InlineData(604_801, false)]
    public void Presigned_lifetime_has_bounds(int seconds, bool accepted) => Assert.Equal(accepted, Verify(Signer.Presign([], [], Now, seconds)) is null);

    [Fact]
    public void Presigned_parameters_may_not_be_repeated_or_missing()
    {
        var request = Signer.Presign([], [], Now, 60);
        Assert.Equal(AuthenticationError.IncompleteSignature, Verify(request with { Target = request.Target + "&X-Amz-Expires=60" })!.Error);
        Assert.Equal(AuthenticationError.IncompleteSignature, Verify(request with { Target = request.Target.Replace("&X-Amz-Expires=60", "", StringComparison.Ordinal) })!.Error);
        Assert.Equal(AuthenticationError.IncompleteSignature, Verify(With(request, "Authorization", "AWS4-HMAC-SHA256 x"))!.Error);
    }

    [Theory]
    [InlineData("sts", "ecr")]
    [InlineData("ecr", "ecr-public")]
    public void Scope_of_another_service_fails(string given, string asked)
    {
        var request = (Signer with { Service = given }).Sign("POST", [""], [], [], [], Now);
        Assert.Equal($"Credential should be scoped to correct service: '{asked}'.", Verify(request, service: asked)!.Message);
    }

    [Theory]
    [InlineData("nowhere")]
    [InlineData("")]
    [InlineData("US-EAST-1")]
    public void Scope_of_no_region_fails(string region) =>
        Assert.Equal("Credential should be scoped to a valid region.", Verify((Signer with { Region = region }).Sign("POST", [""], [], [], [], Now))!.Message);

    [Fact]
    public void Scope_of_another_day_fails()
    {
        var request = Typical();
        var text = request.Headers.Authorization.ToString().Replace("/20260314/", "/20260315/", StringComparison.Ordinal);
        Assert.StartsWith("Date in Credential scope does not match", Verify(With(request, "Authorization", text))!.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("AWS4-HMAC-SHA256", AuthenticationError.IncompleteSignature)]
    [InlineData("AWS4-HMAC-SHA256 ", AuthenticationError.IncompleteSignature)]
    [InlineData("AWS4-HMAC-SHA512 Credential=a", AuthenticationError.IncompleteSignature)]
    [InlineData("Basic QVdTOng=", AuthenticationError.IncompleteSignature)]
    [InlineData("AWS4-HMAC-SHA256 Credential=a/20260314/eu-west-1/ecr/aws4_request, SignedHeaders=host", AuthenticationError.IncompleteSignature)]
    [InlineData("AWS4-HMAC-SHA256 Credential=C, SignedHeaders=host, Signature=S, Signature=S", AuthenticationError.IncompleteSignature)]
    [InlineData("AWS4-HMAC-SHA256 Credential=C, SignedHeaders=host, Signature=S, Other=S", AuthenticationError.IncompleteSignature)]
    [InlineData("AWS4-HMAC-SHA256 Credential=a/20260314/eu-west-1/ecr, SignedHeaders=host, Signature=S", AuthenticationError.IncompleteSignature)]
    [InlineData("AWS4-HMAC-SHA256 Credential=a/20260314/eu-west-1/ecr/aws5_request, SignedHeaders=host, Signature=S", AuthenticationError.InvalidSignature)]
    [InlineData("AWS4-HMAC-SHA256 Credential=a b/20260314/eu-west-1/ecr/aws4_request, SignedHeaders=host, Signature=S", AuthenticationError.UnknownAccessKey)]
    [InlineData("AWS4-HMAC-SHA256 Credential=a/20260314/eu-west-1/ecr/aws4_request, SignedHeaders=host, Signature=S", AuthenticationError.IncompleteSignature)]
    [InlineData("AWS4-HMAC-SHA256 Credential=a/20260314/eu-west-1/ecr/aws4_request, SignedHeaders=x-amz-date;host, Signature=0000000000000000000000000000000000000000000000000000000000000000", AuthenticationError.IncompleteSignature)]
    [InlineData("AWS4-HMAC-SHA256 Credential=a/20260314/eu-west-1/ecr/aws4_request, SignedHeaders=Host, Signature=0000000000000000000000000000000000000000000000000000000000000000", AuthenticationError.IncompleteSignature)]
    [InlineData("AWS4-HMAC-SHA256 Credential=a/20260314/eu-west-1/ecr/aws4_request, SignedHeaders=x-amz-date, Signature=0000000000000000000000000000000000000000000000000000000000000000", AuthenticationError.InvalidSignature)]
    [InlineData("AWS4-HMAC-SHA256 Credential=a/20260314/eu-west-1/ecr/aws4_request, SignedHeaders=host, Signature=0000000000000000000000000000000000000000000000000000000000000000", AuthenticationError.InvalidSignature)]
    internal void Malformed_authorization_is_told_apart(string authorization, AuthenticationError error) =>
        Assert.Equal(error, Verify(With(Signer.Sign("POST", [""], [], [], [], Now), "Authorization", authorization))!.Error);

    [Fact]
    public void Too_many_signed_headers_fail()
    {
        var headers = Enumerable.Range(0, SignatureV4Parts.MaxSignedHeaders).Select(i => ($"my-{i:D3}", "x")).ToArray();
        Assert.Equal(AuthenticationError.IncompleteSignature, Verify(Signer.Sign("POST", [""], [], headers, [], Now))!.Error);
        Assert.Null(Verify(Signer.Sign("POST", [""], [], headers[2..], [], Now)));
    }

    [Fact]
    public void Request_without_a_signature_is_told_so()
    {
        var request = new SignedRequest("POST", "/", new HeaderDictionary(), default);
        Assert.Same(AuthenticationFailure.Missing, Verify(request));
    }

    [Fact]
    public void Body_must_have_the_hash_that_the_client_gave()
    {
        var empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        Assert.Null(Verify(Signer.Sign("POST", [""], [], [("x-amz-content-sha256", empty)], [], Now)));
        Assert.NotNull(Verify(Signer.Sign("POST", [""], [], [("x-amz-content-sha256", empty)], [1], Now)));
        Assert.NotNull(Verify(Signer.Sign("POST", [""], [], [("x-amz-content-sha256", "UNSIGNED-PAYLOAD")], [], Now)));
    }

    [Fact]
    public void Date_header_can_stand_for_the_amazon_one()
    {
        // Signed with X-Amz-Date by the test's signer; the same signature made with Date has its own list of headers.
        foreach (var date in new[] { "Sat, 14 Mar 2026 15:09:26 GMT", "20260314T150926Z" })
        {
            var request = With(Signer.Sign("POST", [""], [], [("date", date)], [], Now), "X-Amz-Date", null);
            var authorization = request.Headers.Authorization.ToString().Replace("SignedHeaders=date;host;x-amz-date", "SignedHeaders=date;host", StringComparison.Ordinal);
            var changed = With(request, "Authorization", authorization);
            Assert.True(SignatureV4Parts.TryRead(changed, out var parts, out _));
            Assert.Equal(Now, parts.SignedAt);
            Assert.Equal(AuthenticationFailure.Mismatch, Verify(changed));
        }
    }

    [Fact]
    public void Unsigned_date_header_fails()
    {
        var request = With(With(Typical(), "X-Amz-Date", null), "Date", "20260314T150926Z");
        Assert.Equal("'X-Amz-Date' or 'Date' must be a 'SignedHeader' in the AWS Authorization.", Verify(request)!.Message);
    }

    [Fact]
    public void Failures_never_repeat_what_was_sent() =>
        Prop.ForAll(Samples(), sample =>
        {
            var failure = Verify(With(SignSample(sample), "my-header", "sssecret"));
            return failure is not null && !failure.Message.Contains("sssecret", StringComparison.Ordinal) && !failure.Message.Contains(Signer.Secret, StringComparison.Ordinal);
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(AuthenticationError.MissingToken, "MissingAuthenticationTokenException", "MissingAuthenticationToken", 403)]
    [InlineData(AuthenticationError.IncompleteSignature, "IncompleteSignatureException", "IncompleteSignature", 400)]
    [InlineData(AuthenticationError.UnknownAccessKey, "UnrecognizedClientException", "InvalidClientTokenId", 403)]
    [InlineData(AuthenticationError.InvalidSignature, "InvalidSignatureException", "SignatureDoesNotMatch", 403)]
    internal void Failures_have_their_names_in_both_protocols(AuthenticationError error, string json, string query, int status)
    {
        var failure = new AuthenticationFailure(error, "");
        Assert.Equal((json, 400, query, status), (failure.JsonName, AuthenticationFailure.JsonStatus, failure.QueryName, failure.QueryStatus));
    }
}

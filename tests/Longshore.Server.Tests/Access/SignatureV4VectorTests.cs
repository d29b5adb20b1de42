using System.Text;
using Longshore.Server.Access;
using Microsoft.AspNetCore.Http;

namespace Longshore.Server.Tests.Access;

/// <summary>The signatures that AWS published with its Signature Version 4 test suite: key AKIDEXAMPLE, 2015-08-30T12:36:00Z.</summary>
public sealed class SignatureV4VectorTests
{
    private const string Secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    private static readonly DateTimeOffset SignedAt = new(2015, 8, 30, 12, 36, 0, TimeSpan.Zero);

    public static TheoryData<string, string, string, string, string, string> Vectors => new()
    {
        // Name, method, target, further headers (name:value lines), body, signature.
        { "get-vanilla", "GET", "/", "", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
        { "get-vanilla-query", "GET", "/", "", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
        { "get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", "", "", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500" },
        { "get-vanilla-empty-query-key", "GET", "/?Param1=value1", "", "", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb" },
        { "get-vanilla-utf8-query", "GET", "/?ሴ=bar", "", "", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04" },
        { "get-utf8", "GET", "/ሴ", "", "", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85" },
        { "get-unreserved", "GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "", "", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f" },
        { "normalize-path/get-relative", "GET", "/example/..", "", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
        { "normalize-path/get-relative-relative", "GET", "/example1/example2/../..", "", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
        { "normalize-path/get-slash-dot-slash", "GET", "/./", "", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
        { "normalize-path/get-slash", "GET", "//", "", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
        { "get-header-key-duplicate", "GET", "/", "My-Header1:value2\nMy-Header1:value2\nMy-Header1:value1", "", "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea" },
        { "get-header-value-multiline", "GET", "/", "My-Header1:value1,value2,value3", "", "ba17b383a53190154eb5fa66a1b836cc297cc0a3d70a5d00705980573d8ff790" },
        { "get-header-value-order", "GET", "/", "My-Header1:value4\nMy-Header1:value1\nMy-Header1:value3\nMy-Header1:value2", "", "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01" },
        { "get-header-value-trim", "GET", "/", "My-Header1: value1\nMy-Header2: \"a   b   c\"", "", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736" },
        { "post-vanilla", "POST", "/", "", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },
        { "post-vanilla-query", "POST", "/?Param1=value1", "", "", "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11" },
        { "post-header-key-sort", "POST", "/", "My-Header1:value1", "", "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c" },
        { "post-header-value-case", "POST", "/", "My-Header1:VALUE1", "", "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d" },
        { "post-x-www-form-urlencoded", "POST", "/", "Content-Type:application/x-www-form-urlencoded", "Param1=value1", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a" },
        { "post-x-www-form-urlencoded-parameters", "POST", "/", "Content-Type:application/x-www-form-urlencoded; charset=utf8", "Param1=value1", "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe" },
    };

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Published_signature_verifies(string name, string method, string target, string headers, string body, string signature)
    {
        Assert.NotEmpty(name);
        var dictionary = new HeaderDictionary { ["Host"] = "example.amazonaws.com", ["X-Amz-Date"] = "20150830T123600Z" };
        foreach (var line in headers.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var (key, value) = (line[..line.IndexOf(':', StringComparison.Ordinal)], line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..]);
            dictionary.Append(key, value);
        }

        var signed = string.Join(';', dictionary.Keys.Select(key => key.ToLowerInvariant()).Order(StringComparer.Ordinal));
        dictionary["Authorization"] =
            $"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={signed}, Signature={signature}";
        var request = new SignedRequest(method, target, dictionary, Encoding.UTF8.GetBytes(body));

        Assert.True(SignatureV4Parts.TryRead(request, out var parts, out var failure), failure?.Message);
        Assert.Null(new SignatureV4(new SigningKeys()).Verify(request, parts, "service", Secret, SignedAt));
        Assert.Same(
            AuthenticationFailure.Mismatch, new SignatureV4(new SigningKeys()).Verify(request, parts, "service", Secret + "x", SignedAt));
    }

    [Theory]
    [InlineData("ecr", "content-type;host;x-amz-date;x-amz-target", "application/x-amz-json-1.1", "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories", "{\"repositoryNames\": [\"team/app\"]}", "e649468a619550bb992a9cebb4dc6d51d8f62a059ff1cdd9109c21860f9248c7")]
    [InlineData("sts", "content-type;host;x-amz-date", "application/x-www-form-urlencoded; charset=utf-8", null, "Action=GetCallerIdentity&Version=2011-06-15", "06e7e064ee5588a8f96c3975421ac4b2a6012730135f96ac6fbfb0c4e706ff60")]
    public void Request_signed_by_boto3_verifies(string service, string names, string contentType, string? operation, string body, string signature)
    {
        // Signed by boto3 1.43.11 for http://localhost:5000 at 2026-03-14T15:09:26Z.
        var headers = new HeaderDictionary
        {
            ["Host"] = "localhost:5000",
            ["X-Amz-Date"] = "20260314T150926Z",
            ["Content-Type"] = contentType,
            ["amz-sdk-request"] = "attempt=1",
            ["Authorization"] = $"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260314/eu-west-1/{service}/aws4_request, SignedHeaders={names}, Signature={signature}",
        };
        if (operation is not null) headers["X-Amz-Target"] = operation;
        VerifyBoto(new SignedRequest("POST", "/", headers, Encoding.UTF8.GetBytes(body)), service);
    }

    [Fact]
    public void Request_presigned_by_boto3_verifies() => VerifyBoto(
        new SignedRequest(
            "GET",
            "/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260314%2Feu-west-1%2Fsts%2Faws4_request&X-Amz-Date=20260314T150926Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature=d9620a74e13d4b92bf6e23cf1453fa0df0999f92053cd702c239e59f80d789c3",
            new HeaderDictionary { ["Host"] = "localhost:5000" },
            default),
        "sts");

    private static void VerifyBoto(in SignedRequest request, string service)
    {
        Assert.True(SignatureV4Parts.TryRead(request, out var parts, out var failure), failure?.Message);
        Assert.Null(new SignatureV4(new SigningKeys()).Verify(
            request, parts, service, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", new DateTimeOffset(2026, 3, 14, 15, 9, 26, TimeSpan.Zero)));
    }

    [Fact]
    public void Published_signing_key_is_derived()
    {
        // AWS General Reference, "Examples of how to derive a signing key": 20120215, us-east-1, iam.
        var key = SigningKeys.Derive(Secret, new SignatureV4Credential("AKIDEXAMPLE", "20120215", "us-east-1", "iam"));
        Assert.Equal("f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d", Convert.ToHexStringLower(key));
    }

    [Fact]
    public void Absolute_target_is_read_as_its_path_and_query()
    {
        Assert.Equal("/a/b", new SignedRequest("GET", "http://host:80/a/b?x=1", new HeaderDictionary(), default).Path);
        Assert.Equal("x=http://y/", new SignedRequest("GET", "http://host:80/a/b?x=http://y/", new HeaderDictionary(), default).Query);
        Assert.Equal("", new SignedRequest("GET", "http://host", new HeaderDictionary(), default).Path);
        Assert.Equal("x", new SignedRequest("GET", "http://host?x", new HeaderDictionary(), default).Query);
    }
}

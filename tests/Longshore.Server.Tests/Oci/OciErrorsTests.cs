using System.Text.Json;
using Longshore.Core;
using Longshore.Server.Oci;
using Microsoft.AspNetCore.Http;

namespace Longshore.Server.Tests.Oci;

public sealed class OciErrorsTests
{
    private static readonly HashSet<string> Known =
    [
        "BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID",
        "MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED", "DENIED", "UNSUPPORTED", "TOOMANYREQUESTS",
        // Docker's code, which ECR uses for immutable tags.
        "TAG_INVALID",
    ];

    [Fact]
    public void Every_error_code_has_a_known_wire_code_and_a_failing_status()
    {
        foreach (var code in Enum.GetValues<ErrorCode>())
        {
            var (wire, status) = OciErrors.Map(code);
            if (status < 500) Assert.Contains(wire, Known);
            Assert.InRange(status, 400, 599);
        }
    }

    [Theory]
    [InlineData("RepositoryNotFound", "NAME_UNKNOWN", 404)]
    [InlineData("ManifestUnknown", "MANIFEST_UNKNOWN", 404)]
    [InlineData("TagImmutable", "TAG_INVALID", 400)]
    [InlineData("ManifestDigestMismatch", "MANIFEST_INVALID", 400)]
    [InlineData("ContentReferenced", "UNSUPPORTED", 405)]
    [InlineData("RangeInvalid", "BLOB_UPLOAD_INVALID", 416)]
    [InlineData("ManifestTooLarge", "MANIFEST_INVALID", 413)]
    [InlineData("TokenExpired", "DENIED", 403)]
    public void Errors_have_the_codes_that_clients_know(string code, string wire, int status) =>
        Assert.Equal((wire, status), OciErrors.Map(Enum.Parse<ErrorCode>(code)));

    [Fact]
    public async Task The_body_is_that_of_the_specification_with_its_length()
    {
        var (http, body) = NewContext("GET");
        var error = new RegistryError(ErrorCode.RangeInvalid, "The chunk does not fit.", new Dictionary<string, string> { ["received"] = "5" });
        await OciErrors.WriteAsync(http, error);
        Assert.Equal(416, http.Response.StatusCode);
        Assert.Equal("application/json", http.Response.ContentType);
        Assert.Equal(body.Length, http.Response.ContentLength);
        using var json = JsonDocument.Parse(body.ToArray());
        Assert.Equal(
            """{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"The chunk does not fit.","detail":{"received":"5"}}]}""",
            JsonSerializer.Serialize(json));
    }

    [Fact]
    public async Task An_error_of_a_head_request_has_no_body()
    {
        var (http, body) = NewContext("HEAD");
        await OciErrors.WriteAsync(http, new RegistryError(ErrorCode.BlobUnknown, "No."));
        Assert.Equal(404, http.Response.StatusCode);
        Assert.Equal(0, body.Length);
        Assert.True(http.Response.ContentLength > 0);
    }

    [Fact]
    public async Task Missing_credentials_are_asked_for_as_ecr_does()
    {
        var (http, _) = NewContext("GET");
        http.Request.Host = new HostString("123456789012.dkr.ecr.eu-west-1.example.com:5000");
        await OciErrors.WriteAsync(http, new RegistryError(ErrorCode.Unauthorized, "No."));
        Assert.Equal(401, http.Response.StatusCode);
        Assert.Equal(
            "Basic realm=\"https://123456789012.dkr.ecr.eu-west-1.example.com:5000/\",service=\"ecr.amazonaws.com\"",
            http.Response.Headers.WWWAuthenticate.ToString());
    }

    [Theory]
    [InlineData("a\",b=\"")]
    [InlineData("a\r\nb")]
    [InlineData("")]
    [InlineData(null)]
    public void A_host_that_could_end_the_challenge_is_left_out(string? host) =>
        Assert.Equal("Basic realm=\"https:///\",service=\"ecr.amazonaws.com\"", OciErrors.Challenge(host));

    private static (HttpContext Http, MemoryStream Body) NewContext(string method)
    {
        var body = new MemoryStream();
        var http = new DefaultHttpContext();
        http.Request.Method = method;
        http.Response.Body = body;
        return (http, body);
    }
}

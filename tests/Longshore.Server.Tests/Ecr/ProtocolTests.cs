using System.Net;
using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using Longshore.Core.Aws.EcrPublic;
using Longshore.Core.Aws.Sts;
using Longshore.Server.Aws;
using Longshore.Server.Ecr;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Ecr;

[Collection(EcrCollection.Name)]
public sealed class ProtocolTests(EcrFixture ecr)
{
    [Fact]
    public async Task Operations_that_are_not_offered_say_so_to_those_who_signed()
    {
        foreach (var operation in EcrOperationTable.All.Where(entry => entry.Create is null).Select(entry => entry.Operation))
        {
            using var response = await ecr.Client.CallAsync(operation.Name, "{}", EcrFixture.Token);
            Assert.Equal(NotOffered.ErrorOf(operation).Code, response.ErrorType);
            Assert.Contains("docs/compatibility.md", response.Text, StringComparison.Ordinal);
        }

        using var stranger = new EcrClient(ecr.Server.BaseAddress, "AKIAIOSFODNN7EXAMPLE", "wrong");
        using var refused = await stranger.CallAsync("StartImageScan", "{}", EcrFixture.Token);
        Assert.Equal("InvalidSignatureException", refused.ErrorType);
    }

    [Fact]
    public async Task Ecr_public_says_that_it_is_not_offered()
    {
        var signer = new AwsSigner(ecr.Server.Options.AccessKeyId, ecr.Server.Options.SecretAccessKey, "us-east-1", "ecr-public", TimeProvider.System);
        foreach (var name in EcrPublicOperations.All.Keys)
        {
            using var request = NewRequest("{}", "application/x-amz-json-1.1", $"{EcrPublicOperations.TargetPrefix}.{name}");
            signer.Sign(request, "{}"u8);
            using var response = await ecr.Client.SendAsync(request, EcrFixture.Token);
            Assert.Equal((HttpStatusCode.BadRequest, "UnsupportedCommandException"), (response.Status, response.ErrorType));
        }
    }

    [Theory]
    [InlineData("AmazonEC2ContainerRegistry_V20150921.NoSuch")]
    [InlineData("AmazonEC2ContainerRegistry_V20150921.listimages")]
    [InlineData("AmazonEC2ContainerRegistry_V20150921")]
    [InlineData("DynamoDB_20120810.ListTables")]
    [InlineData(".")]
    [InlineData("")]
    public async Task Unknown_targets_are_refused(string target)
    {
        using var request = NewRequest("{}", "application/x-amz-json-1.1", target);
        using var response = await ecr.Client.SendAsync(request, EcrFixture.Token);
        Assert.Equal((HttpStatusCode.BadRequest, "UnknownOperationException"), (response.Status, response.ErrorType));
        Assert.True(Guid.TryParse(response.Headers["x-amzn-RequestId"], out _));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("\"x\"")]
    [InlineData("""{"repositoryName":5}""")]
    [InlineData("""{"repositoryName":"a/b","repositoryName":"a/c"}""")]
    [InlineData("""{"repositoryName":"\ud800"}""")]
    [InlineData("""{"maxResults":1e99}""")]
    [InlineData("""{"repositoryName":"a/b"} x""")]
    public async Task Bodies_that_do_not_fit_are_a_serialization_error(string body)
    {
        using var response = await ecr.Client.CallAsync("ListImages", body, EcrFixture.Token);
        Assert.Equal((HttpStatusCode.BadRequest, "SerializationException"), (response.Status, response.ErrorType));
    }

    [Fact]
    public async Task Deep_nesting_is_a_serialization_error()
    {
        using var response = await ecr.Client.CallAsync("ListImages", $$"""{"x":{{new string('[', 100_000)}}{{new string(']', 100_000)}}}""", EcrFixture.Token);
        Assert.Equal((HttpStatusCode.BadRequest, "SerializationException"), (response.Status, response.ErrorType));
    }

    [Fact]
    public async Task A_body_beyond_its_bound_is_refused()
    {
        using var response = await ecr.Client.CallAsync("ListImages", $$"""{"x":"{{new string('a', 1024 * 1024)}}"}""", EcrFixture.Token);
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "RequestEntityTooLargeException"), (response.Status, response.ErrorType));
    }

    [Fact]
    public async Task Every_violation_is_named()
    {
        var message = await ecr.RefusedAsync("InvalidParameterException", "ListImages", new { repositoryName = "A", maxResults = 0 });
        Assert.Contains("Invalid parameter at 'repositoryName'", message, StringComparison.Ordinal);
        Assert.Contains("Invalid parameter at 'maxResults' failed to satisfy constraint: '", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_registry_of_another_account_is_closed_to_root()
    {
        const string Other = "999999999999";
        foreach (var (operation, input) in ((string, object)[])
        [
            ("CreateRepository", new { repositoryName = "a/b", registryId = Other }),
            ("ListImages", new { repositoryName = "a/b", registryId = Other }),
            ("DescribeRepositories", new { registryId = Other }),
            ("PutImage", new { repositoryName = "a/b", registryId = Other, imageManifest = "{}" }),
        ])
        {
            var message = await ecr.RefusedAsync("AccessDeniedException", operation, input);
            Assert.Contains($"is not authorized to perform: ecr:{operation}", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Each_region_is_a_registry_of_its_own()
    {
        var name = await ecr.NewRepositoryAsync();
        using var ireland = new EcrClient(ecr.Server.BaseAddress, ecr.Server.Options.AccessKeyId, ecr.Server.Options.SecretAccessKey, "eu-west-1");
        using var absent = await ireland.CallAsync("ListImages", JsonSerializer.Serialize(new { repositoryName = name }), EcrFixture.Token);
        Assert.Equal("RepositoryNotFoundException", absent.ErrorType);
        await ireland.CreateRepositoryAsync(name, EcrFixture.Token);
        var (userName, password) = await ireland.GetLoginAsync(EcrFixture.Token);
        using var oci = new OciClient(ecr.Server.BaseAddress, userName, password);
        await oci.PushImageAsync(name, TestImage.Create(1, 64), "v1", EcrFixture.Token);
        Assert.Equal(1, (await ireland.InvokeAsync("ListImages", JsonSerializer.Serialize(new { repositoryName = name }), EcrFixture.Token)).GetProperty("imageIds").GetArrayLength());
        Assert.Equal(0, (await ecr.CallAsync("ListImages", new { repositoryName = name })).GetProperty("imageIds").GetArrayLength());
    }

    [Fact]
    public async Task Tokens_are_given_for_each_registry()
    {
        var answer = (await ecr.CallAsync("GetAuthorizationToken", new { registryIds = new[] { EcrFixture.Account, "999999999999" } })).GetProperty("authorizationData");
        Assert.Equal(2, answer.GetArrayLength());
        Assert.NotEqual(answer[0].GetProperty("authorizationToken").GetString(), answer[1].GetProperty("authorizationToken").GetString());
        Assert.Equal(ecr.Server.BaseAddress.AbsoluteUri.TrimEnd('/'), answer[0].GetProperty("proxyEndpoint").GetString());
        var hours = DateTimeOffset.UnixEpoch.AddSeconds(answer[0].GetProperty("expiresAt").GetDouble()) - TimeProvider.System.GetUtcNow();
        Assert.InRange(hours.TotalHours, 11.9, 12);
        var login = Encoding.UTF8.GetString(Convert.FromBase64String(answer[1].GetProperty("authorizationToken").GetString()!)).Split(':', 2);
        using var foreign = new OciClient(ecr.Server.BaseAddress, login[0], login[1]);
        Assert.Equal(HttpStatusCode.Forbidden, (await foreign.SendAsync(HttpMethod.Get, "/v2/a/b/tags/list", EcrFixture.Token)).Status);
        await ecr.RefusedAsync("InvalidParameterException", "GetAuthorizationToken", new { registryIds = new[] { "1" } });
        await ecr.RefusedAsync("InvalidParameterException", "GetAuthorizationToken", new { registryIds = Enumerable.Repeat(EcrFixture.Account, 11) });
    }

    [Fact]
    public async Task The_registry_is_described()
    {
        var answer = await ecr.CallAsync("DescribeRegistry", new { });
        Assert.Equal(EcrFixture.Account, answer.GetProperty("registryId").GetString());
        Assert.Equal(0, answer.GetProperty("replicationConfiguration").GetProperty("rules").GetArrayLength());
    }

    [Fact]
    public async Task Sts_tells_who_asks()
    {
        var (status, document) = await StsAsync("Action=GetCallerIdentity&Version=2011-06-15");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(StsOperations.XmlNamespace, document.Root!.Name.NamespaceName);
        Assert.Equal(EcrFixture.Account, Value(document, "Account"));
        Assert.Equal($"arn:aws:iam::{EcrFixture.Account}:root", Value(document, "Arn"));
        Assert.True(Guid.TryParse(Value(document, "RequestId"), out _));
    }

    [Theory]
    [InlineData("Action=NoSuch&Version=2011-06-15", 400, "InvalidAction")]
    [InlineData("Action=GetCallerIdentity&Version=2000-01-01", 400, "InvalidAction")]
    [InlineData("Version=2011-06-15", 400, "MissingAction")]
    [InlineData("Action=GetCallerIdentity&Action=GetCallerIdentity", 400, "MalformedQueryString")]
    [InlineData("Action=GetFederationToken&Version=2011-06-15", 403, "RegionDisabledException")]
    [InlineData("Action=GetAccessKeyInfo&Version=2011-06-15", 400, "ValidationError")]
    [InlineData("Action=AssumeRoleWithWebIdentity&Version=2011-06-15", 400, "ValidationError")]
    public async Task Sts_refuses_in_its_own_form(string form, int status, string code)
    {
        var (found, document) = await StsAsync(form);
        Assert.Equal((status, code), ((int)found, Value(document, "Code")));
        Assert.Equal("ErrorResponse", document.Root!.Name.LocalName);
    }

    [Fact]
    public async Task Sts_refuses_wrong_signatures_in_its_own_form()
    {
        var (status, document) = await StsAsync("Action=GetCallerIdentity&Version=2011-06-15", "wrong");
        Assert.Equal((HttpStatusCode.Forbidden, "SignatureDoesNotMatch"), (status, Value(document, "Code")));
    }

    private static string Value(XDocument document, string name) => document.Descendants().Single(element => element.Name.LocalName == name).Value;

    private async Task<(HttpStatusCode Status, XDocument Document)> StsAsync(string form, string? secret = null)
    {
        using var request = NewRequest(form, "application/x-www-form-urlencoded; charset=utf-8", null);
        new AwsSigner(ecr.Server.Options.AccessKeyId, secret ?? ecr.Server.Options.SecretAccessKey, "us-east-1", "sts", TimeProvider.System).Sign(request, Encoding.UTF8.GetBytes(form));
        using var response = await ecr.Client.SendAsync(request, EcrFixture.Token);
        Assert.Equal("text/xml", response.Headers["Content-Type"]);
        return (response.Status, XDocument.Parse(response.Text));
    }

    private HttpRequestMessage NewRequest(string body, string contentType, string? target)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, ecr.Server.BaseAddress) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        if (target is not null) request.Headers.TryAddWithoutValidation("X-Amz-Target", target);
        return request;
    }
}

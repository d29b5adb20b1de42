using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Longshore.TestSupport.Aws;

namespace Longshore.Server.Tests.Management;

[Collection(ManagementCollection.Name)]
public sealed class ManagementFaceTests(ManagementFixture api)
{
    [Theory]
    [InlineData("longshore")]
    [InlineData("ecr")]
    public async Task A_signature_for_either_service_is_taken(string service)
    {
        var answer = await api.SendAsync(HttpMethod.Get, "settings", service: service);
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.True(answer.Json.GetProperty("protectInUse").GetBoolean());
        Assert.True(Guid.TryParse(answer.Headers.GetValues("X-Longshore-Request-Id").Single(), out _));
    }

    [Fact]
    public async Task The_registry_token_is_taken_as_a_password()
    {
        using var request = api.Request(HttpMethod.Get, "settings", null, out _);
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{api.Login.UserName}:{api.Login.Password}")));
        Assert.Equal(HttpStatusCode.OK, (await api.SendAsync(request)).Status);
    }

    [Fact]
    public async Task Without_credentials_or_with_wrong_ones_nothing_is_told()
    {
        using var none = api.Request(HttpMethod.Get, "settings", null, out _);
        var answer = await api.SendAsync(none);
        Assert.Equal((HttpStatusCode.Unauthorized, "Unauthorized"), (answer.Status, answer.Code));
        Assert.Equal("Basic", answer.Headers.WwwAuthenticate.Single().Scheme);

        using var forged = api.Request(HttpMethod.Get, "settings", null, out _);
        forged.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String("AWS:nonsense"u8));
        Assert.Equal(HttpStatusCode.Unauthorized, (await api.SendAsync(forged)).Status);

        Assert.Equal(HttpStatusCode.Unauthorized, (await api.SendAsync(HttpMethod.Get, "settings", secret: "wrong")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await api.SendAsync(HttpMethod.Get, "settings", service: "sts")).Status);
    }

    [Fact]
    public async Task A_signed_body_cannot_be_changed()
    {
        using var request = api.Request(HttpMethod.Put, "settings", """{"protectInUse":true }""", out var bytes);
        new AwsSigner(api.Server.Options.AccessKeyId, api.Server.Options.SecretAccessKey, "us-east-1", "longshore", TimeProvider.System).Sign(request, bytes);
        request.Content = new ByteArrayContent("""{"protectInUse":false}"""u8.ToArray());
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        Assert.Equal(HttpStatusCode.Unauthorized, (await api.SendAsync(request)).Status);
    }

    [Fact]
    public async Task Another_account_is_for_its_own_principals() => Assert.Contains(
        "longshore:GetSettings",
        await api.RefusedAsync(HttpStatusCode.Forbidden, "Denied", HttpMethod.Get, "settings?registryId=999999999999"),
        StringComparison.Ordinal);

    [Fact]
    public async Task Settings_are_those_of_a_region()
    {
        Assert.False((await api.CallAsync(HttpMethod.Put, "settings", new { protectInUse = false }, region: "eu-south-1")).GetProperty("protectInUse").GetBoolean());
        Assert.False((await api.CallAsync(HttpMethod.Put, "settings", new { }, region: "eu-south-1")).GetProperty("protectInUse").GetBoolean());
        Assert.True((await api.CallAsync(HttpMethod.Get, "settings", region: "eu-south-2")).GetProperty("protectInUse").GetBoolean());
    }

    [Theory]
    [InlineData("""{"protectInUse":true,"protectInuse":true}""", "$.protectInuse")]
    [InlineData("""{"protectInUse":"yes"}""", "$.protectInUse")]
    [InlineData("""{"protectInUse":true,"protectInUse":false}""", "")]
    [InlineData("""{"protectInUse":true""", "")]
    [InlineData("[]", "")]
    [InlineData("null", "null")]
    [InlineData("", "needs a body")]
    public async Task A_body_that_is_not_understood_is_refused(string body, string said)
    {
        var message = await api.RefusedAsync(HttpStatusCode.BadRequest, "InvalidParameter", HttpMethod.Put, "settings", body);
        Assert.Contains(said, message, StringComparison.Ordinal);
        Assert.DoesNotContain("Longshore.", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_is_json_and_bounded()
    {
        using var form = api.Request(HttpMethod.Put, "settings", "{}", out var bytes);
        form.Content!.Headers.Remove("Content-Type");
        form.Content.Headers.TryAddWithoutValidation("Content-Type", "text/plain");
        new AwsSigner(api.Server.Options.AccessKeyId, api.Server.Options.SecretAccessKey, "us-east-1", "longshore", TimeProvider.System).Sign(form, bytes);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, (await api.SendAsync(form)).Status);
        await api.RefusedAsync(HttpStatusCode.RequestEntityTooLarge, "RequestTooLarge", HttpMethod.Put, "settings", new string(' ', (1024 * 1024) + 1));
        await api.RefusedAsync(HttpStatusCode.BadRequest, "InvalidParameter", HttpMethod.Get, "settings", "{}");
    }

    [Theory]
    [InlineData("settings?protectInUse=true", "no such parameter")]
    [InlineData("settings?registryId=123456789012&registryId=123456789012", "once")]
    [InlineData("settings?registryId=1234", "twelve digits")]
    public async Task Parameters_that_are_not_declared_or_malformed_are_refused(string path, string said) =>
        Assert.Contains(said, await api.RefusedAsync(HttpStatusCode.BadRequest, "InvalidParameter", HttpMethod.Get, path), StringComparison.Ordinal);

    [Fact]
    public async Task Unknown_paths_and_methods_are_told()
    {
        await api.RefusedAsync(HttpStatusCode.NotFound, "UnknownPath", HttpMethod.Get, "nothing");
        await api.RefusedAsync(HttpStatusCode.NotFound, "UnknownPath", HttpMethod.Get, "settings/");
        await api.RefusedAsync(HttpStatusCode.NotFound, "UnknownPath", HttpMethod.Get, "../v2/settings");
        Assert.Contains("GET, PUT", await api.RefusedAsync(HttpStatusCode.MethodNotAllowed, "MethodNotAllowed", HttpMethod.Delete, "settings"), StringComparison.Ordinal);
    }
}

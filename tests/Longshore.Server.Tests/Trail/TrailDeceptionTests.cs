using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Longshore.Server.Tests.Faults;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Trail;

/// <summary>What callers do so that the trail does not tell what they did.</summary>
public sealed class TrailDeceptionTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Half_a_character_in_a_request_keeps_nobody_from_searching()
    {
        await using var registry = await LiveRegistry.StartAsync(Token);
        using (var denied = await registry.Ecr.CallAsync("DescribeImages", """{"registryId":"210987654321","repositoryName":"theirs","imageDigest":"\ud800"}""", Token))
            Assert.NotEqual(HttpStatusCode.OK, denied.Status);
        using (var raw = await registry.Ecr.CallAsync("DescribeImages", """{"registryId":"210987654321","repositoryName":"\ud800"}""", Token)) Assert.NotEqual(HttpStatusCode.OK, raw.Status);
        var records = await TrailReader.SearchAsync(registry.Server, "eventName=DescribeImages", 2, Token);
        Assert.Equal(2, records.Count);
        Assert.NotEmpty(await TrailReader.SearchAsync(registry.Server, "principal=arn:aws:iam::123456789012:root", Token));
    }

    [Fact]
    public async Task A_deletion_names_all_that_it_deleted_however_the_request_is_padded()
    {
        await using var registry = await LiveRegistry.StartAsync(Token);
        await registry.Ecr.InvokeAsync("CreateRepository", """{"repositoryName":"team/app"}""", Token);
        var digests = Enumerable.Range(0, 100).Select(static n => "sha256:" + n.ToString("x64", CultureInfo.InvariantCulture)).ToList();
        var ids = string.Join(',', digests.Select(static digest => $$"""{"imageDigest":"{{digest}}"}"""));
        await registry.Ecr.InvokeAsync("BatchDeleteImage", $$"""{"repositoryName":"team/app","imageIds":[{{ids}}]}""", Token);
        Assert.Single(await TrailReader.SearchAsync(registry.Server, "digest=" + digests[^1], 1, Token));
        var image = TestImage.Create(5, 300);
        await registry.Client.PushImageAsync("team/app", image, "v1", Token);
        await registry.Ecr.InvokeAsync("BatchDeleteImage", $$"""{"repositoryName":"team/app","padding":"{{new string('x', 40_000)}}",{{new string(' ', 40_000)}}"imageIds":[{"imageTag":"v1"}]}""", Token);
        var deleted = await TrailReader.SearchAsync(registry.Server, "eventName=BatchDeleteImage&tag=v1", 1, Token);
        Assert.Equal("team/app", TrailReader.Text(deleted[0], "requestParameters", "repositoryName"));
        Assert.Null(TrailReader.Text(deleted[0], "requestParameters", "padding"));
    }

    [Fact]
    public async Task Tags_that_are_set_beside_a_digest_are_told()
    {
        await using var registry = await LiveRegistry.StartAsync(Token);
        var image = TestImage.Create(6, 300);
        await registry.Client.PushImageAsync("team/app", image, "first", Token);
        var put = await registry.Client.SendAsync(
            HttpMethod.Put, $"/v2/team/app/manifests/{image.Digest}?tag=prod&tag=latest", Token, image.Content, image.MediaType);
        Assert.Equal(HttpStatusCode.Created, put.Status);
        foreach (var tag in (string[])["prod", "latest"])
        {
            var record = Assert.Single(await TrailReader.SearchAsync(registry.Server, $"eventName=PutImage&tag={tag}", 1, Token));
            Assert.Equal(image.Digest, TrailReader.Text(record, "additionalEventData", "digest"));
            var history = await TrailReader.RunAsync(registry.Server, Token, "history", "--json", "--repository", "team/app", "--tag", tag);
            Assert.Equal(0, history.ExitCode);
            Assert.Equal(image.Digest, TrailReader.Text(JsonDocument.Parse(history.StandardOutput).RootElement, "digest"));
        }
    }

    [Fact]
    public async Task Other_spellings_of_a_path_leave_records_too()
    {
        await using var registry = await LiveRegistry.StartAsync(Token);
        using var http = new HttpClient();
        foreach (var path in (string[])["/V2/", "/%76%32/", "/LONGSHORE/v1/trail", "/longshore/V1/trail"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(registry.BaseAddress, path));
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("AWS:guess")));
            request.Headers.UserAgent.ParseAdd("guesser");
            using var refused = await http.SendAsync(request, Token);
            Assert.NotEqual(HttpStatusCode.OK, refused.StatusCode);
        }

        Assert.Equal(4, (await TrailReader.SearchAsync(registry.Server, "errors=true", 4, Token)).Count);
    }

    [Fact]
    public async Task The_longest_fields_make_no_line_that_breaks_the_chain()
    {
        await using var registry = await LiveRegistry.StartAsync(Token);
        var long1 = string.Concat(Enumerable.Repeat("%01", 700));
        using var http = new HttpClient();
        using (var request = new HttpRequestMessage(HttpMethod.Get, new Uri(registry.BaseAddress, $"/v2/{long1}/manifests/{long1}")))
        {
            request.Headers.TryAddWithoutValidation("User-Agent", new string('\u0001', 4000));
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("AWS:guess")));
            using var refused = await http.SendAsync(request, Token);
        }

        var policy = string.Concat(Enumerable.Repeat("\\n", 5000));
        using (var denied = await registry.Ecr.CallAsync("SetRepositoryPolicy", $$"""{"repositoryName":"no","policyText":"{{policy}}"}""", Token)) Assert.NotEqual(HttpStatusCode.OK, denied.Status);
        await TrailReader.SearchAsync(registry.Server, "eventName=SetRepositoryPolicy", 1, Token);
        await registry.Server.StopAsync(Token);
        await TrailReader.VerifyAsync(registry.Server, Token);
    }
}

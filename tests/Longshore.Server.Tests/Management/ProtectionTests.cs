using System.Net;
using System.Text.Json;

namespace Longshore.Server.Tests.Management;

[Collection(ManagementCollection.Name)]
public sealed class ProtectionTests(ManagementFixture api)
{
    private static int ids;

    [Theory]
    [InlineData("digest")]
    [InlineData("tag")]
    [InlineData("pattern")]
    [InlineData("repository")]
    [InlineData("repositories")]
    public async Task A_protected_image_is_removed_by_nobody_until_it_is_lifted(string kind)
    {
        var repository = await api.NewRepositoryAsync();
        var image = await api.PushAsync(repository, 1, "release-1");
        var id = NewId();
        var until = new DateTimeOffset(2099, 12, 31, 0, 0, 0, TimeSpan.Zero);
        object body = kind switch
        {
            "digest" => new { owner = "team red", reason = "runs at a customer", until, digest = image.Digest },
            "tag" => new { owner = "team red", reason = "runs at a customer", until, tagPattern = "release-1" },
            "pattern" => new { owner = "team red", reason = "runs at a customer", until, tagPattern = "rel*-*" },
            "repository" => new { owner = "team red", reason = "runs at a customer", until },
            _ => new { owner = "team red", reason = "runs at a customer", until, repository = repository[..^1] + "*" },
        };
        await api.CallAsync(HttpMethod.Put, kind == "repositories" ? $"protections/{id}" : $"protections/{id}?repository={Uri.EscapeDataString(repository)}", body);

        var failure = await DeleteAsync(repository, image.Digest);
        Assert.Equal("ImageInaccessible", failure.GetProperty("failureCode").GetString());
        var reason = failure.GetProperty("failureReason").GetString()!;
        foreach (var said in new[] { "team red", "runs at a customer", "2099-12-31", $"DELETE /longshore/v1/protections/{id}", "force=true" }) Assert.Contains(said, reason, StringComparison.Ordinal);
        Assert.Equal("ImageInaccessible", (await DeleteAsync(repository, tag: "release-1")).GetProperty("failureCode").GetString());
        var oci = await api.Oci.SendAsync(HttpMethod.Delete, $"/v2/{repository}/manifests/{image.Digest}", ManagementFixture.Token);
        Assert.Equal((HttpStatusCode.Forbidden, "DENIED"), (oci.Status, Assert.Single(oci.ErrorCodes)));
        using var whole = await api.Ecr.CallAsync("DeleteRepository", JsonSerializer.Serialize(new { repositoryName = repository, force = true }), ManagementFixture.Token);
        Assert.Equal("RepositoryNotEmptyException", whole.ErrorType);
        Assert.Contains("team red", whole.Root.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Contains("team red", await api.RefusedAsync(HttpStatusCode.Conflict, "ImageProtected", HttpMethod.Delete, $"images?repository={repository}&digest={image.Digest}"), StringComparison.Ordinal);

        await api.CallAsync(HttpMethod.Delete, $"protections/{id}");
        Assert.Equal(JsonValueKind.Undefined, (await DeleteAsync(repository, image.Digest)).ValueKind);
    }

    [Fact]
    public async Task Force_removes_a_protected_image_and_a_protected_repository()
    {
        var repository = await api.NewRepositoryAsync();
        var image = await api.PushAsync(repository, 1, "a");
        await api.PushAsync(repository, 2, "b");
        var id = NewId();
        await api.CallAsync(HttpMethod.Put, $"protections/{id}?repository={repository}", new { owner = "o", reason = "r" });
        var removed = await api.CallAsync(HttpMethod.Delete, $"images?repository={repository}&tag=a&force=true");
        Assert.Equal((image.Digest, true), (removed.GetProperty("digest").GetString(), removed.GetProperty("imageDeleted").GetBoolean()));
        await api.RefusedAsync(HttpStatusCode.NotFound, "ManifestUnknown", HttpMethod.Delete, $"images?repository={repository}&tag=a&force=true");
        await api.RefusedAsync(HttpStatusCode.Conflict, "RepositoryNotEmpty", HttpMethod.Delete, $"repositories?repository={repository}");
        await api.CallAsync(HttpMethod.Delete, $"repositories?repository={repository}&force=true");
        await api.RefusedAsync(HttpStatusCode.NotFound, "RepositoryNotFound", HttpMethod.Delete, $"repositories?repository={repository}");
        await api.RefusedAsync(HttpStatusCode.BadRequest, "InvalidParameter", HttpMethod.Delete, $"images?repository={repository}&tag=a&force=yes");
        await api.RefusedAsync(HttpStatusCode.BadRequest, "InvalidParameter", HttpMethod.Delete, $"images?repository={repository}");
    }

    [Fact]
    public async Task A_tag_that_protects_stays_and_others_go()
    {
        var repository = await api.NewRepositoryAsync();
        var image = await api.PushAsync(repository, 1, "prod");
        await api.Oci.PushImageAsync(repository, image, "other", ManagementFixture.Token);
        await api.CallAsync(HttpMethod.Put, $"protections/{NewId()}?repository={repository}", new { owner = "o", reason = "r", tagPattern = "prod*" });
        Assert.Equal("ImageInaccessible", (await DeleteAsync(repository, tag: "prod")).GetProperty("failureCode").GetString());
        Assert.Equal(HttpStatusCode.Forbidden, (await api.Oci.SendAsync(HttpMethod.Delete, $"/v2/{repository}/manifests/prod", ManagementFixture.Token)).Status);
        Assert.Equal(JsonValueKind.Undefined, (await DeleteAsync(repository, tag: "other")).ValueKind);
        Assert.Equal("ImageInaccessible", (await DeleteAsync(repository, image.Digest)).GetProperty("failureCode").GetString());
    }

    [Fact]
    public async Task Putting_the_same_again_is_the_same_and_another_takes_its_place()
    {
        var id = NewId();
        var path = $"protections/{id}";
        var body = new { owner = "o", reason = "r", repository = "elsewhere/*", tagPattern = "v*" };
        var first = await api.CallAsync(HttpMethod.Put, path, body);
        var again = await api.CallAsync(HttpMethod.Put, path, body);
        Assert.Equal(first.GetProperty("createdAt").GetString(), again.GetProperty("createdAt").GetString());
        Assert.True(again.GetProperty("active").GetBoolean());
        Assert.Equal("arn:aws:iam::123456789012:root", again.GetProperty("createdBy").GetString());
        await api.CallAsync(HttpMethod.Put, path, new { owner = "o", reason = "r", repository = "elsewhere/*" });
        var told = await api.CallAsync(HttpMethod.Get, path);
        Assert.False(told.TryGetProperty("tagPattern", out _));
        Assert.False(told.TryGetProperty("until", out _));

        // Who may speak for one repository alone neither sees nor takes over what is for others.
        await api.RefusedAsync(HttpStatusCode.Conflict, "ProtectionAlreadyExists", HttpMethod.Put, path + "?repository=team/x", new { owner = "o", reason = "r" });
        await api.RefusedAsync(HttpStatusCode.NotFound, "ProtectionNotFound", HttpMethod.Get, path + "?repository=team/x");
        await api.RefusedAsync(HttpStatusCode.NotFound, "ProtectionNotFound", HttpMethod.Delete, path + "?repository=team/x");
        await api.CallAsync(HttpMethod.Delete, path);
        await api.RefusedAsync(HttpStatusCode.NotFound, "ProtectionNotFound", HttpMethod.Delete, path);
    }

    [Fact]
    public async Task They_are_listed_by_pages_and_by_the_repository_that_they_concern()
    {
        const string Region = "ap-south-1";
        for (var i = 0; i < 5; i++) await api.CallAsync(HttpMethod.Put, $"protections/p{i}", new { owner = "o", reason = "r", repository = i % 2 == 0 ? "prod/*" : "prod/api" }, Region);
        await api.CallAsync(HttpMethod.Put, "protections/p9", new { owner = "o", reason = "r", repository = "dev/*" }, Region);
        Assert.Equal(["p0", "p1", "p2", "p3", "p4", "p9"], await ListAsync("protections?maxResults=2", Region));
        Assert.Equal(["p0", "p2", "p4", "p1", "p3"], await ListAsync("protections?maxResults=2&repository=prod/api", Region));
        Assert.Equal(["p0", "p2", "p4"], await ListAsync("protections?repository=prod/other", Region));
        var token = (await api.CallAsync(HttpMethod.Get, "protections?maxResults=2", region: Region)).GetProperty("nextToken").GetString();
        await api.RefusedAsync(HttpStatusCode.BadRequest, "InvalidParameter", HttpMethod.Get, $"protections?repository=prod/api&nextToken={token}", region: Region);
        await api.RefusedAsync(HttpStatusCode.BadRequest, "InvalidParameter", HttpMethod.Get, "protections?maxResults=0", region: Region);
        await api.RefusedAsync(HttpStatusCode.BadRequest, "InvalidParameter", HttpMethod.Get, "protections?maxResults=1001", region: Region);
    }

    [Theory]
    [InlineData("protections/p", """{"owner":"o","reason":"r"}""", "'repository'")]
    [InlineData("protections/p?repository=team/a", """{"owner":"o","reason":"r","repository":"b/*"}""", "'repository'")]
    [InlineData("protections/p", """{"owner":"o","reason":"r","repository":"UPPER"}""", "'repository'")]
    [InlineData("protections/p", """{"owner":"o","reason":"r","repository":"a/*","digest":"sha256:1"}""", "'digest'")]
    [InlineData("protections/p", """{"owner":"o","reason":"r","repository":"a/*","tagPattern":"a b"}""", "'tagPattern'")]
    [InlineData("protections/p", """{"owner":"o","reason":"r","repository":"a/*","tagPattern":""}""", "'tagPattern'")]
    [InlineData("protections/p", """{"owner":" ","reason":"r","repository":"a/*"}""", "'owner'")]
    [InlineData("protections/p", """{"owner":"o","reason":"a\nb","repository":"a/*"}""", "'reason'")]
    [InlineData("protections/p", """{"owner":"o","reason":"r","repository":"a/*","until":"2001-01-01T00:00:00Z"}""", "'until'")]
    [InlineData("protections/p", """{"owner":"o","reason":"r","repository":"a/*","until":"tomorrow"}""", "$.until")]
    [InlineData("protections/p", """{"owner":"o","repository":"a/*"}""", "reason")]
    [InlineData("protections/p%20q", """{"owner":"o","reason":"r","repository":"a/*"}""", "'id'")]
    public async Task What_is_malformed_is_refused(string path, string body, string said) =>
        Assert.Contains(said, await api.RefusedAsync(HttpStatusCode.BadRequest, "InvalidParameter", HttpMethod.Put, path, body), StringComparison.Ordinal);

    private static string NewId() => $"test-{Interlocked.Increment(ref ids)}";

    /// <summary>BatchDeleteImage of one image: the failure, undefined when there is none.</summary>
    private async Task<JsonElement> DeleteAsync(string repository, string? digest = null, string? tag = null)
    {
        var id = digest is not null ? new Dictionary<string, string> { ["imageDigest"] = digest } : new() { ["imageTag"] = tag! };
        var answer = await api.Ecr.InvokeAsync("BatchDeleteImage", JsonSerializer.Serialize(new { repositoryName = repository, imageIds = new[] { id } }), ManagementFixture.Token);
        return answer.GetProperty("failures").EnumerateArray().SingleOrDefault();
    }

    private async Task<List<string>> ListAsync(string path, string region)
    {
        var found = new List<string>();
        string? next = null;
        do
        {
            var page = await api.CallAsync(HttpMethod.Get, next is null ? path : $"{path}&nextToken={next}", region: region);
            found.AddRange(page.GetProperty("protections").EnumerateArray().Select(p => p.GetProperty("id").GetString()!));
            next = page.TryGetProperty("nextToken", out var token) ? token.GetString() : null;
        }
        while (next is not null);
        return found;
    }
}

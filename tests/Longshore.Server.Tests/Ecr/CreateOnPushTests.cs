using System.Net;
using System.Text;
using System.Text.Json;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Ecr;

/// <summary>Pushes to repositories that are not there, by both faces.</summary>
[Collection(EcrCollection.Name)]
public sealed class CreateOnPushTests(EcrFixture ecr)
{
    private static CancellationToken Token => EcrFixture.Token;

    [Fact]
    public async Task The_longest_prefix_for_pushes_makes_the_repository_and_root_is_last()
    {
        using var client = ClientOf("me-south-1");
        using var oci = await OciOfAsync(client);
        await TemplateAsync(client, "ROOT", "root", "CREATE_ON_PUSH");
        await TemplateAsync(client, "a", "a", "CREATE_ON_PUSH");
        await TemplateAsync(client, "a/b", "b", "CREATE_ON_PUSH", "PULL_THROUGH_CACHE");
        await TemplateAsync(client, "a/b/c", "c", "REPLICATION");
        (string Name, string Template)[] expected = [("a/b/c/d", "b"), ("a/b/c", "b"), ("a/b", "a"), ("a/bb", "a"), ("ab/c", "root"), ("alone", "root")];
        foreach (var (name, template) in expected)
        {
            await oci.PushImageAsync(name, TestImage.Create(new TestImageOptions { Seed = 7100, LayerSizes = [64] }), "v1", Token);
            Assert.Equal(template, await TagAsync(client, name, "template"));
        }
    }

    [Fact]
    public async Task A_template_is_applied_once()
    {
        using var client = ClientOf("me-south-2");
        using var oci = await OciOfAsync(client);
        await client.InvokeAsync(
            "CreateRepositoryCreationTemplate",
            """{"prefix":"once","appliedFor":["CREATE_ON_PUSH"],"imageTagMutability":"IMMUTABLE_WITH_EXCLUSION","imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"dev*"}]}""",
            Token);
        await oci.PushImageAsync("once/app", TestImage.Create(new TestImageOptions { Seed = 7101, LayerSizes = [64] }), "v1", Token);
        var made = await RepositoryAsync(client, "once/app");
        Assert.Equal("IMMUTABLE_WITH_EXCLUSION", made.GetProperty("imageTagMutability").GetString());
        Assert.Equal("""[{"filterType":"WILDCARD","filter":"dev*"}]""", made.GetProperty("imageTagMutabilityExclusionFilters").GetRawText());

        await client.InvokeAsync("UpdateRepositoryCreationTemplate", """{"prefix":"once","imageTagMutability":"IMMUTABLE"}""", Token);
        await client.InvokeAsync("PutImageTagMutability", """{"repositoryName":"once/app","imageTagMutability":"MUTABLE"}""", Token);
        await oci.PushImageAsync("once/app", TestImage.Create(new TestImageOptions { Seed = 7102, LayerSizes = [64] }), "v2", Token);
        Assert.Equal("MUTABLE", (await RepositoryAsync(client, "once/app")).GetProperty("imageTagMutability").GetString());
        await client.InvokeAsync("DeleteRepositoryCreationTemplate", """{"prefix":"once"}""", Token);
        Assert.Equal(HttpStatusCode.NotFound, (await oci.SendAsync(HttpMethod.Post, "/v2/once/other/blobs/uploads/", Token, [])).Status);
    }

    [Fact]
    public async Task Every_beginning_of_a_push_makes_the_repository()
    {
        using var client = ClientOf("me-south-3");
        using var oci = await OciOfAsync(client);
        await TemplateAsync(client, "p", "p", "CREATE_ON_PUSH");
        var blob = TestBlob.Random(7103, 100);
        Assert.Equal(HttpStatusCode.Accepted, (await oci.SendAsync(HttpMethod.Post, "/v2/p/start/blobs/uploads/", Token, [])).Status);
        var whole = await oci.SendAsync(HttpMethod.Post, $"/v2/p/whole/blobs/uploads/?digest={blob.Digest}", Token, blob.Content, OciMediaTypes.OctetStream);
        Assert.Equal(HttpStatusCode.Created, whole.Status);
        Assert.Equal(HttpStatusCode.Created, (await oci.MountBlobAsync("p/mount", blob.Digest, "p/whole", Token)).Status);
        Assert.Equal(HttpStatusCode.Accepted, (await oci.MountBlobAsync("p/no-mount", TestBlob.Random(7104, 10).Digest, "p/whole", Token)).Status);
        await client.InvokeAsync("InitiateLayerUpload", """{"repositoryName":"p/initiate"}""", Token);
        var index = JsonSerializer.Serialize(new { schemaVersion = 2, mediaType = "application/vnd.oci.image.index.v1+json", manifests = Array.Empty<object>() });
        await client.InvokeAsync("PutImage", JsonSerializer.Serialize(new { repositoryName = "p/put-image", imageManifest = index, imageTag = "v1" }), Token);
        var put = await oci.SendAsync(HttpMethod.Put, "/v2/p/manifest/manifests/v1", Token, Encoding.UTF8.GetBytes(index), "application/vnd.oci.image.index.v1+json");
        Assert.Equal(HttpStatusCode.Created, put.Status);
        foreach (var name in (string[])["start", "whole", "mount", "no-mount", "initiate", "put-image", "manifest"])
            Assert.Equal("p", await TagAsync(client, "p/" + name, "template"));
    }

    [Fact]
    public async Task What_is_no_push_and_what_is_refused_makes_no_repository()
    {
        using var client = ClientOf("me-south-4");
        using var oci = await OciOfAsync(client);
        await TemplateAsync(client, "ROOT", "root", "CREATE_ON_PUSH");
        using var nobody = new OciClient(ecr.Server.BaseAddress, "AWS", "wrong");
        Assert.Equal(HttpStatusCode.Unauthorized, (await nobody.SendAsync(HttpMethod.Post, "/v2/n/start/blobs/uploads/", Token, [])).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await nobody.SendAsync(HttpMethod.Put, "/v2/n/manifest/manifests/v1", Token, "{}"u8.ToArray(), "application/json")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await oci.SendAsync(HttpMethod.Put, "/v2/n/manifest/manifests/v1", Token, "{}"u8.ToArray(), "application/json")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await oci.SendAsync(HttpMethod.Post, "/v2/n/digest/blobs/uploads/?digest=nonsense", Token, [])).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await oci.GetManifestAsync("n/pull", "v1", Token)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await oci.SendAsync(HttpMethod.Get, "/v2/n/tags/tags/list", Token)).Status);
        using var image = await client.CallAsync("BatchGetImage", """{"repositoryName":"n/get","imageIds":[{"imageTag":"v1"}]}""", Token);
        Assert.Equal("RepositoryNotFoundException", image.ErrorType);
        Assert.Equal("[]", (await client.InvokeAsync("DescribeRepositories", "{}", Token)).GetProperty("repositories").GetRawText());
    }

    [Fact]
    public async Task Many_first_pushes_at_once_make_one_repository()
    {
        using var client = ClientOf("me-south-5");
        using var oci = await OciOfAsync(client);
        await TemplateAsync(client, "race", "race", "CREATE_ON_PUSH");
        var started = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => oci.SendAsync(HttpMethod.Post, "/v2/race/app/blobs/uploads/", Token, [])));
        Assert.All(started, answer => Assert.Equal(HttpStatusCode.Accepted, answer.Status));
        Assert.Equal("race", await TagAsync(client, "race/app", "template"));
    }

    [Fact]
    public async Task With_the_option_a_template_comes_first_and_others_are_plain()
    {
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = ["--create-on-push"] }, Token);
        using var client = new EcrClient(server.BaseAddress, server.Options.AccessKeyId, server.Options.SecretAccessKey);
        var (user, password) = await client.GetLoginAsync(Token);
        using var oci = new OciClient(server.BaseAddress, user, password);
        await TemplateAsync(client, "made", "made", "CREATE_ON_PUSH");
        await oci.PushImageAsync("made/app", TestImage.Create(1, 10), "v1", Token);
        await oci.PushImageAsync("plain/app", TestImage.Create(1, 10), "v1", Token);
        Assert.Equal("made", await TagAsync(client, "made/app", "template"));
        Assert.Null(await TagAsync(client, "plain/app", "template"));
    }

    private static Task<JsonElement> TemplateAsync(EcrClient client, string prefix, string tag, params string[] appliedFor) => client.InvokeAsync(
        "CreateRepositoryCreationTemplate",
        JsonSerializer.Serialize(new
        {
            prefix,
            appliedFor,
            resourceTags = new[] { new { Key = "template", Value = tag } },
            customRoleArn = "arn:aws:iam::123456789012:role/templates",
        }),
        Token);

    private static async Task<JsonElement> RepositoryAsync(EcrClient client, string name) =>
        (await client.InvokeAsync("DescribeRepositories", JsonSerializer.Serialize(new { repositoryNames = new[] { name } }), Token)).GetProperty("repositories")[0];

    private static async Task<string?> TagAsync(EcrClient client, string name, string key)
    {
        var arn = (await RepositoryAsync(client, name)).GetProperty("repositoryArn").GetString();
        var tags = (await client.InvokeAsync("ListTagsForResource", JsonSerializer.Serialize(new { resourceArn = arn }), Token)).GetProperty("tags");
        return tags.EnumerateArray().Where(tag => tag.GetProperty("Key").GetString() == key).Select(tag => tag.GetProperty("Value").GetString()).SingleOrDefault();
    }

    private EcrClient ClientOf(string region) => new(ecr.Server.BaseAddress, ecr.Server.Options.AccessKeyId, ecr.Server.Options.SecretAccessKey, region);

    private async Task<OciClient> OciOfAsync(EcrClient client)
    {
        var (user, password) = await client.GetLoginAsync(Token);
        return new OciClient(ecr.Server.BaseAddress, user, password);
    }
}

using System.Text.Json;
using Longshore.Server.Commands;
using Longshore.Server.Hosting;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;
using Longshore.TestSupport.S3;

namespace Longshore.Server.Tests.Ecr;

/// <summary>What deleting leaves behind in the database of a real server that was killed.</summary>
public sealed class DeletionTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pushes_and_deletions_are_told_and_deleted_images_are_held_through_a_kill()
    {
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = ["--recycle-bin-delete", "1h"] }, Token);
        using var ecr = new EcrClient(server.BaseAddress, server.Options.AccessKeyId, server.Options.SecretAccessKey);
        var (user, password) = await ecr.GetLoginAsync(Token);
        using var oci = new OciClient(server.BaseAddress, user, password);
        await ecr.CreateRepositoryAsync("team/app", Token);
        var image = TestImage.Create(1, 64);
        var plain = TestImage.Create(2, 64);
        await oci.PushImageAsync("team/app", image, "v1", Token);
        await oci.PushImageAsync("team/app", plain, null, Token);
        await ecr.InvokeAsync(
            "PutImage",
            JsonSerializer.Serialize(new { repositoryName = "team/app", imageManifest = System.Text.Encoding.UTF8.GetString(image.Content), imageTag = "v2" }),
            Token);
        var answer = await ecr.InvokeAsync(
            "BatchDeleteImage", JsonSerializer.Serialize(new { repositoryName = "team/app", imageIds = new object[] { new { imageTag = "v1" }, new { imageTag = "v2" } } }), Token);
        Assert.Equal(
            $$"""{"imageIds":[{"imageDigest":"{{image.Digest}}","imageTag":"v1"},{"imageDigest":"{{image.Digest}}","imageTag":"v2"}],"failures":[]}""", answer.GetRawText());
        Assert.Equal(202, (int)(await oci.DeleteManifestAsync("team/app", plain.Digest, Token)).Status);
        Assert.Equal(404, (int)(await oci.GetManifestAsync("team/app", image.Digest, Token)).Status);
        await server.KillAsync();

        await using (var database = TestDatabases.Open(server.DataDirectory))
        {
            var events = await database.ReadAsync(
                s => s.QueryAsync("SELECT detail_type, detail FROM events ORDER BY id", static r => (Type: r.GetString(0), Detail: r.GetString(1))), Token);
            Assert.All(events, e => Assert.Equal("ECR Image Action", e.Type));
            Assert.Equal(
                [Told(image, "PUSH", "v1"), Told(plain, "PUSH", null), Told(image, "PUSH", "v2"), Told(image, "DELETE", "v1"), Told(image, "DELETE", "v2"), Told(plain, "DELETE", null)],
                events.Select(e => e.Detail));
            var held = await database.ReadAsync(
                s => s.QueryAsync("SELECT digest, tags, removed_by, expires_at - removed_at FROM recycled_images ORDER BY id",
                    static r => (r.GetString(0), r.GetString(1), r.GetString(2), r.GetInt64(3))),
                Token);
            Assert.Equal(
                [(image.Digest, "v2", "arn:aws:iam::123456789012:root", 3_600_000_000L), (plain.Digest, "", "arn:aws:iam::123456789012:root", 3_600_000_000L)], held);
        }

        using var output = new StringWriter();
        Assert.Equal(ExitCodes.Done, await LongshoreCommand.RunAsync(["verify", "--data", server.DataDirectory, .. TestDatabases.Arguments(server.DataDirectory), .. S3Gateway.BlobArguments(server.DataDirectory)], output, output, Token));
    }

    private static string Told(TestManifest image, string action, string? tag) =>
        $"{{\"result\":\"SUCCESS\",\"repository-name\":\"team/app\",\"image-digest\":\"{image.Digest}\",\"action-type\":\"{action}\""
        + (tag is null ? "" : $",\"image-tag\":\"{tag}\"")
        + ",\"manifest-media-type\":\"application/vnd.oci.image.manifest.v1+json\",\"artifact-media-type\":\"application/vnd.oci.image.config.v1+json\"}";
}

using Longshore.Core;
using Longshore.Server.Content;
using Longshore.Server.Content.Events;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Oci;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.Content;

public sealed class ImageEventTests
{
    private const string Types = ",\"manifest-media-type\":\"application/vnd.oci.image.manifest.v1+json\",\"artifact-media-type\":\"application/vnd.oci.image.config.v1+json\"}";
    private static readonly TestManifest Image = TestImage.Create(1, 10);

    [Fact]
    public async Task A_push_by_tag_and_a_push_by_digest_are_told_as_ECR_tells_them()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("team/app");
        await content.PushAsync(name, Image, "v1");
        var other = TestImage.Create(2, 10);
        await content.PushAsync(name, other);
        Assert.Equal([Told(Image, "PUSH", "v1"), Told(other, "PUSH", null)], await EventsAsync(content));
    }

    [Fact]
    public async Task Each_tag_of_a_push_is_an_event_and_what_was_there_is_none()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("team/app");
        await content.PushAsync(name, Image, "a", "b");
        await content.PutAsync(name, Image, "a");
        await content.PutAsync(name, Image);
        await content.PutAsync(name, Image, "a", "c");
        Assert.Equal([Told(Image, "PUSH", "a"), Told(Image, "PUSH", "b"), Told(Image, "PUSH", "c")], await EventsAsync(content));
    }

    [Fact]
    public async Task Deletions_are_told_per_tag_and_once_without_a_tag()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("team/app");
        var untagged = TestImage.Create(2, 10);
        await content.PushAsync(name, untagged);
        await content.PushAsync(name, Image, "d", "b", "a", "c");
        var pushes = (await EventsAsync(content)).Count;
        await content.Images.RemoveTagAsync(Home, name, Tag("d"), Token);
        await content.Images.DeleteAsync(Home, name, new ImageId(null, Tag("c")), Caller, Token);
        await content.Images.DeleteAsync(Home, name, new ImageId(DigestOf(Image.Digest), null), Caller, Token);
        await content.Images.DeleteAsync(Home, name, new ImageId(DigestOf(untagged.Digest), null), Caller, Token);
        Assert.Equal(
            [Told(Image, "DELETE", "d"), Told(Image, "DELETE", "c"), Told(Image, "DELETE", "a"), Told(Image, "DELETE", "b"), Told(untagged, "DELETE", null)],
            (await EventsAsync(content))[pushes..]);
    }

    [Fact]
    public async Task A_manifest_with_a_subject_is_a_referrer_and_an_index_has_no_artifact_type()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("team/app");
        await content.PushAsync(name, Image);
        var signature = TestImage.Artifact(
            new TestImageOptions { LayerSizes = [5], ArtifactType = "application/vnd.example.signature+json", Subject = Image.Descriptor() }, "text/plain");
        await content.PushAsync(name, signature);
        await content.Images.DeleteAsync(Home, name, new ImageId(DigestOf(signature.Digest), null), Caller, Token);
        var index = TestImage.Index(new TestImageOptions(), [Image]);
        await content.PushAsync(name, index);
        string Referrer(string action) =>
            $"ECR Referrer Action|{{\"result\":\"SUCCESS\",\"repository-name\":\"team/app\",\"image-digest\":\"{signature.Digest}\",\"action-type\":\"{action}\""
            + ",\"manifest-media-type\":\"application/vnd.oci.image.manifest.v1+json\",\"artifact-media-type\":\"application/vnd.example.signature+json\"}";
        Assert.Equal(
            [
                Referrer("PUSH"),
                Referrer("DELETE"),
                $"ECR Image Action|{{\"result\":\"SUCCESS\",\"repository-name\":\"team/app\",\"image-digest\":\"{index.Digest}\",\"action-type\":\"PUSH\""
                    + ",\"manifest-media-type\":\"application/vnd.oci.image.index.v1+json\"}",
            ],
            (await EventsAsync(content))[1..]);
    }

    [Fact]
    public async Task Storage_classes_are_told_with_the_time_of_a_restore()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("team/app");
        await content.Database.WriteAsync(
            Durability.Synced,
            async session =>
            {
                var repository = (await session.FindAsync(Home, name))!;
                var image = new EventImage(DigestOf(Image.Digest), Image.MediaType, null, false);
                var now = new DateTimeOffset(2026, 3, 4, 5, 6, 7, 890, TimeSpan.Zero);
                await ImageEvents.StorageClassUpdatedAsync(session, repository, image, "ARCHIVE", null, now);
                await ImageEvents.StorageClassUpdatedAsync(session, repository, image, "STANDARD", now, now);
                return 0;
            },
            Token);
        var head = $"ECR Image Action|{{\"result\":\"SUCCESS\",\"repository-name\":\"team/app\",\"image-digest\":\"{Image.Digest}\",\"action-type\":\"UPDATE_STORAGE_CLASS\"";
        const string Tail = ",\"manifest-media-type\":\"application/vnd.oci.image.manifest.v1+json\"}";
        Assert.Equal(
            [
                $"{head},\"target-storage-class\":\"ARCHIVE\"{Tail}",
                $"{head},\"target-storage-class\":\"STANDARD\",\"last-activated-at\":\"2026-03-04T05:06:07.890Z\"{Tail}",
            ],
            await EventsAsync(content));
    }

    [Fact]
    public async Task A_refused_push_is_not_told()
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("fixed", new RepositorySettings(TagMutability.Immutable, [], false));
        await content.PushAsync(name, Image, "v1");
        var other = TestImage.Create(2, 10);
        foreach (var blob in other.Blobs) await content.PushAsync(name, blob);
        Assert.Equal(ErrorCode.TagImmutable, (await content.PutAsync(name, other, "new", "v1")).Error?.Code);
        Assert.Single(await EventsAsync(content));
    }

    internal static Task<List<string>> EventsAsync(ContentHarness content) => content.Database.ReadAsync(
        s => s.QueryAsync("SELECT detail_type, detail, account, region, resources FROM events ORDER BY id", static r =>
        {
            Assert.Equal((Home.Account, Home.Region, ""), (r.GetString(2), r.GetString(3), r.GetString(4)));
            using var _ = System.Text.Json.JsonDocument.Parse(r.GetString(1));
            return $"{r.GetString(0)}|{r.GetString(1)}";
        }),
        Token).AsTask();

    internal static string Told(TestManifest image, string action, string? tag) =>
        $"ECR Image Action|{{\"result\":\"SUCCESS\",\"repository-name\":\"team/app\",\"image-digest\":\"{image.Digest}\",\"action-type\":\"{action}\""
        + (tag is null ? "" : $",\"image-tag\":\"{tag}\"") + Types;
}

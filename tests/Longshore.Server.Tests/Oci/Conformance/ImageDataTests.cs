using System.Net;

namespace Longshore.Server.Tests.Oci.Conformance;

/// <summary>
/// Each kind of content goes through the published suite's circle in one shared repository:
/// push, list, head, pull, referrers, delete, with the suite's own checks after each step.
/// </summary>
public sealed class ImageDataTests(ConformanceTarget target) : ConformanceTests(target)
{
    public static TheoryData<string> DataSets => [.. DataSet.Names];

    [Theory]
    [MemberData(nameof(DataSets))]
    public async Task Content_is_pushed_listed_pulled_referred_to_and_deleted(string name)
    {
        var data = DataSet.Create(name, NextSeed());
        await PushAsync(data);
        await ListAsync(data);
        await ReadAsync(data);
        await ReferrersAsync(data);
        await DeleteAsync(data);
    }

    [Fact]
    public async Task Manifest_that_refers_to_what_is_not_there_is_refused()
    {
        var image = NewImage();
        await Client.PushBlobAsync(Target.Repository1, image.Blobs[0], Token);
        var response = await Client.PutManifestAsync(Target.Repository1, image.Digest, image, Token);
        Expect(response, HttpStatusCode.NotFound, HttpStatusCode.BadRequest);
        Assert.Contains("MANIFEST_BLOB_UNKNOWN", response.ErrorCodes);
        Expect(await Client.HeadManifestAsync(Target.Repository1, image.Digest, Token), HttpStatusCode.NotFound);
    }

    private async Task PushAsync(DataSet data)
    {
        // Every way of pushing gets its turn. Other registries may lack the first: BlobPushTests says so once.
        var methods = Enum.GetValues<PushMethod>().Where(method => method != PushMethod.Post || !Target.IsForeign).ToArray();
        var turn = 0;
        foreach (var blob in data.Blobs)
        {
            var method = methods[turn++ % methods.Length];
            await ExpectCreatedBlobAsync(await BlobPush.PushAsync(Client, Target.Repository1, blob, method, Token), blob);
        }
        foreach (var manifest in data.Manifests)
        {
            var tags = data.TagByParameter ? data.Tags.Where(tag => tag.Value == manifest).Select(tag => tag.Key).ToList() : [];
            var query = tags.Count == 0 ? "" : "?" + string.Join('&', tags.Select(tag => $"tag={tag}"));
            var response = await PutManifestAsync(Target.Repository1, manifest.Digest + query, manifest);
            if (tags.Count > 0)
            {
                Assert.SkipWhen(response.Header("OCI-Tag") is null, "no OCI-Tag: tags by parameter came after specification 1.1");
                Assert.Equal(tags.Order(StringComparer.Ordinal), response.Header("OCI-Tag")!.Split(", ").Order(StringComparer.Ordinal));
            }
        }
        foreach (var (tag, manifest) in data.Tags.Where(_ => !data.TagByParameter))
            await PutManifestAsync(Target.Repository1, tag, manifest);
    }

    private async Task ListAsync(DataSet data)
    {
        var tags = TagsOf(await GetAsync($"/v2/{Target.Repository1}/tags/list"));
        Assert.All(data.Tags.Keys, tag => Assert.Contains(tag, tags));
        if (tags.Count < 2)
            return;
        var sorted = tags.Order(StringComparer.Ordinal).ToList();
        var end = sorted.Count / 2;
        Assert.Equal(sorted[end..], TagsOf(await GetAsync($"/v2/{Target.Repository1}/tags/list?last={sorted[end - 1]}")));
    }

    private async Task ReadAsync(DataSet data)
    {
        foreach (var method in (HttpMethod[])[HttpMethod.Head, HttpMethod.Get])
        {
            foreach (var (tag, manifest) in data.Tags)
                ExpectManifest(await GetWithAcceptAsync(method, $"/v2/{Target.Repository1}/manifests/{tag}"), manifest);
            foreach (var manifest in data.Manifests)
                ExpectManifest(await GetWithAcceptAsync(method, $"/v2/{Target.Repository1}/manifests/{manifest.Digest}"), manifest);
            foreach (var blob in data.Blobs)
            {
                ExpectContent(
                    await Client.SendAsync(method, $"/v2/{Target.Repository1}/blobs/{blob.Digest}", Token), blob.Content, blob.Digest);
            }
        }
    }

    private async Task ReferrersAsync(DataSet data)
    {
        foreach (var group in data.Manifests.Where(manifest => manifest.SubjectDigest is not null).GroupBy(manifest => manifest.SubjectDigest!))
        {
            ReferrersTests.ExpectSame(
                group, ReferrersTests.EntriesOf(await Client.ReferrersAsync(Target.Repository1, group.Key, Token)));
            foreach (var byType in group.GroupBy(ReferrersTests.ArtifactTypeOf))
            {
                var response = await Client.ReferrersAsync(Target.Repository1, group.Key, Token, byType.Key);
                ExpectHeader(response, "OCI-Filters-Applied", "artifactType");
                ReferrersTests.ExpectSame(byType, ReferrersTests.EntriesOf(response));
            }
        }
    }

    private async Task DeleteAsync(DataSet data)
    {
        foreach (var tag in data.Tags.Keys)
        {
            Expect(await Client.DeleteManifestAsync(Target.Repository1, tag, Token), HttpStatusCode.Accepted);
            Expect(await GetWithAcceptAsync(HttpMethod.Head, $"/v2/{Target.Repository1}/manifests/{tag}"), HttpStatusCode.NotFound);
        }
        foreach (var manifest in data.Manifests.Reverse())
        {
            Expect(await Client.DeleteManifestAsync(Target.Repository1, manifest.Digest, Token), HttpStatusCode.Accepted);
            Expect(
                await GetWithAcceptAsync(HttpMethod.Head, $"/v2/{Target.Repository1}/manifests/{manifest.Digest}"), HttpStatusCode.NotFound);
        }
        foreach (var blob in data.Blobs)
            await DeleteBlobAsync(Target.Repository1, blob.Digest);
    }
}

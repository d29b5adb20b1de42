using System.Net;
using System.Text.Json.Nodes;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Oci.Conformance;

public sealed class ReferrersTests(ConformanceTarget target) : ConformanceTests(target)
{
    private const string TypeA = "application/vnd.nhl.peanut.butter.bagel";
    private const string TypeB = "application/vnd.nba.strawberry.jam.croissant";
    private const string TypeIndex = "application/vnd.food.stand";
    private const string AnnotationKey = "org.opencontainers.conformance.test";
    private static readonly TestBlob EmptyJson = TestBlob.Of("{}"u8.ToArray(), OciMediaTypes.Empty);

    [Fact]
    public async Task Repository_that_is_not_there_has_an_empty_index_of_referrers() =>
        Assert.Empty(await ReferrersAsync(Target.NewRepository("absent"), UnknownDigest));

    [Fact]
    public async Task Digest_that_is_not_there_has_an_empty_index_of_referrers()
    {
        await Client.PushBlobAsync(Target.Repository1, NewBlob(), Token);
        Assert.Empty(await ReferrersAsync(Target.Repository1, UnknownDigest));
    }

    [Fact]
    public async Task Image_without_referrers_has_an_empty_index()
    {
        var repository = Target.NewRepository("lonely");
        var image = NewImage();
        await Client.PushImageAsync(repository, image, "image", Token);
        Assert.Empty(await ReferrersAsync(repository, image.Digest));
    }

    [Fact]
    public async Task Referrers_pushed_before_and_after_their_subject_are_listed_whole()
    {
        var (repository, subject, referrers) = await PushReferrersAsync();
        ExpectSame(referrers, await ReferrersAsync(repository, subject.Digest));
    }

    [Theory]
    [InlineData(TypeA, 2)]
    [InlineData(TypeB, 2)]
    [InlineData(TypeIndex, 1)]
    [InlineData("application/vnd.nobody.has.this", 0)]
    public async Task Filter_by_artifact_type_is_applied_and_said(string artifactType, int count)
    {
        var (repository, subject, referrers) = await PushReferrersAsync();
        var expected = referrers.Where(referrer => ArtifactTypeOf(referrer) == artifactType).ToList();
        Assert.Equal(count, expected.Count);
        var response = await Client.ReferrersAsync(repository, subject.Digest, Token, artifactType);
        ExpectHeader(response, "OCI-Filters-Applied", "artifactType");
        ExpectSame(expected, EntriesOf(response));
    }

    [Fact]
    public async Task Filter_header_is_absent_without_a_filter()
    {
        var (repository, subject, _) = await PushReferrersAsync();
        Assert.Null((await Client.ReferrersAsync(repository, subject.Digest, Token)).Header("OCI-Filters-Applied"));
    }

    [Fact]
    public async Task Plain_image_with_a_subject_has_its_config_media_type_as_artifact_type()
    {
        var repository = Target.NewRepository("plain");
        var subject = NewImage();
        await Client.PushImageAsync(repository, subject, "image", Token);
        var referrer = TestImage.Create(new TestImageOptions { Seed = NextSeed(), Subject = subject.Descriptor() });
        await Client.PushImageAsync(repository, referrer, null, Token);
        ExpectSame([referrer], EntriesOf(await Client.ReferrersAsync(repository, subject.Digest, Token, OciMediaTypes.ImageConfig)));
    }

    [Fact]
    public async Task Subject_may_be_missing()
    {
        var repository = Target.NewRepository("missing-subject");
        var subject = NewImage();
        var referrer = LayerArtifact(subject, TypeB, "Peanut"u8, "lost");
        foreach (var blob in referrer.Blobs)
            await Client.PushBlobAsync(repository, blob, Token);
        await PutManifestAsync(repository, referrer.Digest, referrer);
        await PutManifestAsync(repository, "tagged", referrer);
        ExpectSame([referrer], await ReferrersAsync(repository, subject.Digest));
        Expect(await Client.HeadManifestAsync(repository, subject.Digest, Token), HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Subject_can_be_deleted_before_its_referrers_and_they_stay_listed()
    {
        var (repository, subject, referrers) = await PushReferrersAsync();
        Expect(await Client.DeleteManifestAsync(repository, subject.Digest, Token), HttpStatusCode.Accepted);
        ExpectSame(referrers, await ReferrersAsync(repository, subject.Digest));
        foreach (var referrer in referrers.Reverse())
            Expect(await Client.DeleteManifestAsync(repository, referrer.Digest, Token), HttpStatusCode.Accepted);
        Assert.Empty(await ReferrersAsync(repository, subject.Digest));
    }

    private async Task<(string Repository, TestManifest Subject, IReadOnlyList<TestManifest> Referrers)> PushReferrersAsync()
    {
        var repository = Target.NewRepository("referrers");
        var subject = NewImage();
        var configA = ConfigArtifact(subject, TypeA, "NHL"u8, "config a");
        var layerA = LayerArtifact(subject, TypeA, "NHL"u8, "layer a");
        var index = TestImage.Index(
            new TestImageOptions { ArtifactType = TypeIndex, Subject = subject.Descriptor(), Annotations = Note("index") }, [configA, layerA]);
        var configB = ConfigArtifact(subject, TypeB, "NBA"u8, "config b");
        var layerB = LayerArtifact(subject, TypeB, "NBA"u8, "layer b");
        TestManifest[] referrers = [configA, layerA, index, configB, layerB];

        foreach (var blob in referrers.SelectMany(referrer => referrer.Blobs).DistinctBy(blob => blob.Digest))
            await Client.PushBlobAsync(repository, blob, Token);
        foreach (var referrer in referrers[..3])
            await PutManifestAsync(repository, referrer.Digest, referrer);
        await Client.PushImageAsync(repository, subject, "subject", Token);
        foreach (var referrer in referrers[3..])
            await PutManifestAsync(repository, referrer.Digest, referrer);
        // A second name for a referrer is not a second referrer.
        await PutManifestAsync(repository, "named", layerB);
        return (repository, subject, referrers);
    }

    private static Dictionary<string, string> Note(string text) => new() { [AnnotationKey] = "test " + text };

    private static TestManifest ConfigArtifact(TestManifest subject, string type, ReadOnlySpan<byte> content, string note) => TestImage.Manifest(
        new TestImageOptions { Subject = subject.Descriptor(), Annotations = Note(note) }, TestBlob.Of(content.ToArray(), type), [EmptyJson]);

    private static TestManifest LayerArtifact(TestManifest subject, string type, ReadOnlySpan<byte> content, string note) => TestImage.Manifest(
        new TestImageOptions { ArtifactType = type, Subject = subject.Descriptor(), Annotations = Note(note) },
        EmptyJson,
        [TestBlob.Of(content.ToArray(), type)]);

    private async Task<IReadOnlyList<JsonNode>> ReferrersAsync(string repository, string digest) =>
        EntriesOf(await Client.ReferrersAsync(repository, digest, Token));

    internal static IReadOnlyList<JsonNode> EntriesOf(OciResponse response)
    {
        Expect(response, HttpStatusCode.OK);
        ExpectHeader(response, "Content-Type", OciMediaTypes.ImageIndex);
        Assert.Equal(2, (int)response.Json["schemaVersion"]!);
        Assert.Equal(OciMediaTypes.ImageIndex, (string)response.Json["mediaType"]!);
        return [.. response.Json["manifests"]!.AsArray().Select(entry => entry!)];
    }

    /// <summary>The entries are exactly the descriptors of <paramref name="manifests"/>, in any order.</summary>
    internal static void ExpectSame(IEnumerable<TestManifest> manifests, IEnumerable<JsonNode> entries)
    {
        static string Line(string? mediaType, string? digest, int? size, string? artifactType, JsonNode? annotations) =>
            $"{digest} {mediaType} {size} {artifactType} "
            + string.Join(' ', (annotations as JsonObject ?? []).OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => $"{a.Key}={a.Value}"));

        Assert.Equal(
            manifests.Select(m => Line(m.MediaType, m.Digest, m.Content.Length, ArtifactTypeOf(m), m.Json["annotations"])).Order(StringComparer.Ordinal),
            entries.Select(e => Line(
                (string?)e["mediaType"], (string?)e["digest"], (int?)e["size"], (string?)e["artifactType"], e["annotations"])).Order(StringComparer.Ordinal));
    }

    internal static string? ArtifactTypeOf(TestManifest manifest) =>
        (string?)manifest.Json["artifactType"] ?? (string?)manifest.Json["config"]?["mediaType"];
}

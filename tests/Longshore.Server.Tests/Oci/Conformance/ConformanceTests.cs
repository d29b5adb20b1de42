using System.Net;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Oci.Conformance;

/// <summary>One registry for all classes of this folder, one test after the other, as the published suites run.</summary>
[CollectionDefinition(Name)]
public sealed class ConformanceCollection : ICollectionFixture<ConformanceTarget>
{
    public const string Name = "OCI conformance";
}

/// <summary>What the classes of this folder share: the target, and requests in the form that the published suites' Go clients send.</summary>
[Collection(ConformanceCollection.Name)]
public abstract class ConformanceTests(ConformanceTarget target)
{
    protected static readonly string UnknownDigest = DigestAlgorithm.Sha256.Compute("hello world"u8);
    private static int _seeds = Environment.TickCount;

    protected ConformanceTarget Target { get; } = target;

    protected OciClient Client => Target.Client;

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>A seed that no other test of this run uses.</summary>
    protected static int NextSeed() => Interlocked.Increment(ref _seeds);

    /// <summary>A blob that no registry has seen.</summary>
    protected static TestBlob NewBlob(int size = 512, DigestAlgorithm algorithm = DigestAlgorithm.Sha256) =>
        TestBlob.Random(NextSeed(), size, algorithm: algorithm);

    /// <summary>An image that no registry has seen.</summary>
    protected static TestManifest NewImage() => TestImage.Create(NextSeed(), 600, 700);

    /// <summary>Fails with the whole answer unless the status is one of <paramref name="accepted"/>.</summary>
    protected static OciResponse Expect(OciResponse response, params HttpStatusCode[] accepted)
    {
        if (!accepted.Contains(response.Status))
            Assert.Fail($"Expected {string.Join(" or ", accepted.Select(status => (int)status))}.\n{response}");
        return response;
    }

    protected static void ExpectHeader(OciResponse response, string name, string value)
    {
        if (response.Header(name) != value)
            Assert.Fail($"Expected the header {name}: {value}\n{response}");
    }

    /// <summary>200, the exact bytes, their length and, since we always send it, their digest.</summary>
    protected static void ExpectContent(OciResponse response, byte[] content, string digest)
    {
        Expect(response, HttpStatusCode.OK);
        ExpectHeader(response, "Content-Length", $"{content.Length}");
        ExpectHeader(response, "Docker-Content-Digest", digest);
        if (response.Method == HttpMethod.Head)
            Assert.Empty(response.Body);
        else if (!response.Body.AsSpan().SequenceEqual(content))
            Assert.Fail($"The body differs.\n{response}");
    }

    protected Task<OciResponse> GetAsync(string address) => Client.SendAsync(HttpMethod.Get, address, Token);

    protected Task<OciResponse> HeadAsync(string address) => Client.SendAsync(HttpMethod.Head, address, Token);

    protected Task<OciResponse> DeleteAsync(string address) => Client.SendAsync(HttpMethod.Delete, address, Token);

    /// <summary>Opens an upload with an empty POST.</summary>
    protected async Task<Uri> StartUploadAsync(string repository) =>
        Expect(await Client.SendAsync(HttpMethod.Post, $"/v2/{repository}/blobs/uploads/", Token, []), HttpStatusCode.Accepted).Location;

    /// <summary>201, the digest, and a Location that serves the blob.</summary>
    protected async Task ExpectCreatedBlobAsync(OciResponse response, TestBlob blob)
    {
        Expect(response, HttpStatusCode.Created);
        ExpectHeader(response, "Docker-Content-Digest", blob.Digest);
        ExpectContent(await GetAsync(response.Location.AbsoluteUri), blob.Content, blob.Digest);
    }

    /// <summary>PUTs a manifest without Content-Length, as the suite's client does, and follows the Location.</summary>
    protected async Task<OciResponse> PutManifestAsync(string repository, string reference, TestManifest manifest)
    {
        var response = await Client.SendAsync(
            HttpMethod.Put, $"/v2/{repository}/manifests/{reference}", Token, manifest.Content, manifest.MediaType, chunkedTransfer: true);
        Expect(response, HttpStatusCode.Created);
        ExpectHeader(response, "Docker-Content-Digest", manifest.Digest);
        if (manifest.SubjectDigest is { } subject)
            ExpectHeader(response, "OCI-Subject", subject);
        ExpectManifest(await GetWithAcceptAsync(HttpMethod.Get, response.Location.AbsoluteUri), manifest);
        return response;
    }

    /// <summary>GET or HEAD with the suite's two separate Accept lines.</summary>
    protected Task<OciResponse> GetWithAcceptAsync(HttpMethod method, string address) => Client.SendAsync(
        method, address, Token, headers: [("Accept", OciMediaTypes.ImageIndex), ("Accept", OciMediaTypes.ImageManifest)]);

    protected static void ExpectManifest(OciResponse response, TestManifest manifest)
    {
        ExpectContent(response, manifest.Content, manifest.Digest);
        ExpectHeader(response, "Content-Type", manifest.MediaType);
    }

    /// <summary>DELETE answers 202 and the blob is gone at once.</summary>
    protected async Task DeleteBlobAsync(string repository, string digest)
    {
        Expect(await DeleteAsync($"/v2/{repository}/blobs/{digest}"), HttpStatusCode.Accepted);
        Expect(await HeadAsync($"/v2/{repository}/blobs/{digest}"), HttpStatusCode.NotFound);
    }

    protected static IReadOnlyList<string> TagsOf(OciResponse response) =>
        [.. Expect(response, HttpStatusCode.OK).Json["tags"]?.AsArray().Select(tag => (string)tag!) ?? []];
}

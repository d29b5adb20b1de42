using System.Globalization;
using System.Text;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.BadInput;

/// <summary>Good requests, one of every kind, to be damaged.</summary>
internal static class FuzzCorpus
{
    private const string Digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// <summary>Bodies of ECR operations, by name.</summary>
    public static IReadOnlyDictionary<string, string> EcrRequests { get; } = new SortedDictionary<string, string>(StringComparer.Ordinal)
    {
        ["CreateRepository"] = """{"repositoryName":"fuzz/a","tags":[{"Key":"k","Value":"v"}],"imageTagMutability":"MUTABLE","imageScanningConfiguration":{"scanOnPush":true}}""",
        ["DescribeRepositories"] = """{"repositoryNames":["fuzz/a"],"maxResults":10,"nextToken":"x","registryId":"123456789012"}""",
        ["DeleteRepository"] = """{"repositoryName":"fuzz/b","force":true}""",
        ["PutImageTagMutability"] = """{"repositoryName":"fuzz/a","imageTagMutability":"IMMUTABLE_WITH_EXCLUSION","imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"dev-*"}]}""",
        ["TagResource"] = """{"resourceArn":"arn:aws:ecr:us-east-1:123456789012:repository/fuzz/a","tags":[{"Key":"a","Value":"b"}]}""",
        ["UntagResource"] = """{"resourceArn":"arn:aws:ecr:us-east-1:123456789012:repository/fuzz/a","tagKeys":["a"]}""",
        ["ListTagsForResource"] = """{"resourceArn":"arn:aws:ecr:us-east-1:123456789012:repository/fuzz/a"}""",
        ["BatchCheckLayerAvailability"] = $$"""{"repositoryName":"fuzz/a","layerDigests":["{{Digest}}"]}""",
        ["InitiateLayerUpload"] = """{"repositoryName":"fuzz/a"}""",
        ["UploadLayerPart"] = """{"repositoryName":"fuzz/a","uploadId":"0e9f6b2c-0000-4000-8000-000000000000","partFirstByte":0,"partLastByte":2,"layerPartBlob":"YWJj"}""",
        ["CompleteLayerUpload"] = $$"""{"repositoryName":"fuzz/a","uploadId":"0e9f6b2c-0000-4000-8000-000000000000","layerDigests":["{{Digest}}"]}""",
        ["GetDownloadUrlForLayer"] = $$"""{"repositoryName":"fuzz/a","layerDigest":"{{Digest}}"}""",
        ["PutImage"] = $$"""{"repositoryName":"fuzz/a","imageManifest":"{\"schemaVersion\":2}","imageTag":"x","imageDigest":"{{Digest}}","imageManifestMediaType":"application/vnd.oci.image.manifest.v1+json"}""",
        ["BatchGetImage"] = $$"""{"repositoryName":"fuzz/a","imageIds":[{"imageTag":"x"},{"imageDigest":"{{Digest}}"}],"acceptedMediaTypes":["application/json"]}""",
        ["BatchDeleteImage"] = """{"repositoryName":"fuzz/a","imageIds":[{"imageTag":"x"}]}""",
        ["DescribeImages"] = """{"repositoryName":"fuzz/a","filter":{"tagStatus":"TAGGED"},"maxResults":5}""",
        ["ListImages"] = """{"repositoryName":"fuzz/a","filter":{"tagStatus":"ANY"},"nextToken":"AAAA","maxResults":1000}""",
        ["ListImageReferrers"] = $$"""{"repositoryName":"fuzz/a","subjectId":{"imageDigest":"{{Digest}}"},"maxResults":5}""",
        ["PutImageScanningConfiguration"] = """{"repositoryName":"fuzz/a","imageScanningConfiguration":{"scanOnPush":false}}""",
    };

    /// <summary>Requests of our own API: request lines and bodies. None protects what other tests delete.</summary>
    public static IReadOnlyList<(string Line, string Json)> ManagementRequests { get; } =
    [
        ("GET /longshore/v1/openapi.json", ""),
        ("PUT /longshore/v1/settings?registryId=123456789012", """{"protectInUse":true}"""),
        ("PUT /longshore/v1/protections/fuzz?repository=fuzz%2Fnone", $$"""{"digest":"{{Digest}}","owner":"o","reason":"r","until":"2099-01-01T00:00:00Z"}"""),
        ("GET /longshore/v1/protections?repository=fuzz/none&maxResults=5&nextToken=AAAA", ""),
        ("DELETE /longshore/v1/protections/fuzz", ""),
        ("PUT /longshore/v1/usage/fuzz", $$$"""{"ttlSeconds":600,"covers":["fuzz/*"],"records":[{"repository":"fuzz/a","digest":"{{{Digest}}}","workload":{"kind":"k","name":"n"}},{"repository":"fuzz/a","tag":"x"}],"more":true}"""),
        ("PUT /longshore/v1/usage/fuzz", """{"ttlSeconds":600,"covers":["fuzz/*"],"records":[],"report":1}"""),
        ("GET /longshore/v1/usage/fuzz/records?repository=fuzz/a&maxResults=5", ""),
        ("DELETE /longshore/v1/usage/fuzz", ""),
        ($"DELETE /longshore/v1/images?repository=fuzz/none&digest={Digest}&force=true", ""),
    ];

    /// <summary>Requests of all faces, with content behind them that they really find.</summary>
    /// <param name="authorization">The header line, with its end.</param>
    public static async Task<IReadOnlyList<byte[]>> CreateAsync(OciClient client, string repository, string authorization, CancellationToken cancellationToken)
    {
        var image = TestImage.Create(77, 500);
        await client.PushImageAsync(repository, image, "fuzz", cancellationToken);
        var manifest = Encoding.Latin1.GetString(image.Content);
        var blob = image.Blobs[0];
        var body = Encoding.Latin1.GetString(blob.Content);
        var requests = new List<byte[]>();
        void Add(string line, string headers = "", string content = "") => requests.Add(RawHttp.Request(
            line + " HTTP/1.1", authorization + headers + (content.Length > 0 ? string.Create(CultureInfo.InvariantCulture, $"Content-Length: {content.Length}\n") : ""), content));

        Add("GET /v2/");
        Add($"GET /v2/_catalog?n=5&last={repository}");
        Add($"GET /v2/{repository}/tags/list?n=2&last=a");
        Add($"GET /v2/{repository}/manifests/fuzz", $"Accept: {image.MediaType}\nIf-None-Match: \"{image.Digest}\"\n");
        Add($"HEAD /v2/{repository}/manifests/{image.Digest}");
        Add($"PUT /v2/{repository}/manifests/fuzz", $"Content-Type: {image.MediaType}\n", manifest);
        Add($"PUT /v2/{repository}/manifests/{image.Digest}?tag=a&tag=b", $"Content-Type: {image.MediaType}\n", manifest);
        Add($"GET /v2/{repository}/blobs/{blob.Digest}", "Range: bytes=10-20\nIf-Range: \"x\"\n");
        Add($"HEAD /v2/{repository}/blobs/{blob.Digest}");
        Add($"GET /v2/{repository}/referrers/{image.Digest}?artifactType=application/x");
        Add($"POST /v2/{repository}/blobs/uploads/", "Content-Length: 0\n");
        Add($"POST /v2/{repository}/blobs/uploads/?digest={blob.Digest}", "", body);
        Add($"POST /v2/fuzz/other/blobs/uploads/?mount={blob.Digest}&from={repository}", "Content-Length: 0\n");
        for (var i = 0; i < 4; i++)
        {
            var upload = (await client.StartUploadAsync(repository, cancellationToken)).AbsolutePath;
            Add($"PATCH {upload}", $"Content-Range: 0-{body.Length - 1}\nContent-Type: application/octet-stream\n", body);
            Add($"PATCH {upload}", "Transfer-Encoding: chunked\n");
            Add($"PUT {upload}?digest={blob.Digest}", "Content-Type: application/octet-stream\n", body);
            Add($"GET {upload}");
            Add($"DELETE {upload}");
        }

        Add($"DELETE /v2/{repository}/manifests/a");
        Add($"DELETE /v2/{repository}/blobs/{Digest}");
        foreach (var (operation, json) in EcrRequests)
            Add("POST /", $"X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.{operation}\nContent-Type: application/x-amz-json-1.1\nX-Amz-Date: 20260101T000000Z\n", json);
        foreach (var (line, json) in ManagementRequests) Add(line, json.Length > 0 ? "Content-Type: application/json\n" : "", json);
        Add("POST /?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260101%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=" + new string('0', 64), "Content-Type: application/x-www-form-urlencoded\n", "Action=GetCallerIdentity&Version=2011-06-15");
        return requests;
    }
}

using System.Collections.Frozen;
using Longshore.Core.Oci;

namespace Longshore.Server.Oci;

/// <summary>The handlers that operations call.</summary>
internal sealed record OciHandlers(
    BlobEndpoints Blobs, UploadEndpoints Uploads, ManifestEndpoints Manifests, ListEndpoints Lists, ReferrersEndpoint Referrers);

/// <summary>One method of one endpoint, and what a caller needs to be allowed for it.</summary>
/// <param name="Route">The endpoint.</param>
/// <param name="Method">The HTTP method.</param>
/// <param name="Action">
/// The IAM action, on the repository, or on the registry for endpoints without one. <see cref="OciOperations.AnyCaller"/> when valid
/// credentials are enough. Operations that do more than their name says ask the gate again for the rest.
/// </param>
/// <param name="HandleAsync">What it does.</param>
internal sealed record OciOperation(RegistryRoute Route, string Method, string Action, Func<OciHandlers, OciRequest, Task> HandleAsync)
{
    /// <summary>What the trail calls it: the API name of its action. ECR has none for the check of credentials.</summary>
    public string EventName { get; } = Action.Length == 0 ? "CheckRegistryAccess" : Route == RegistryRoute.Referrers ? "ListImageReferrers" : Action[(Action.IndexOf(':', StringComparison.Ordinal) + 1)..];

    /// <summary>Whether it changes nothing.</summary>
    public bool IsReadOnly { get; } = HttpMethods.IsGet(Method) || HttpMethods.IsHead(Method);
}

/// <summary>Every operation of the distribution API with its IAM action (ecr-behaviour section 3): the one table.</summary>
internal static class OciOperations
{
    /// <summary>Stands for "valid credentials, no particular right": <c>GET /v2/</c>.</summary>
    public const string AnyCaller = "";

    private const string BatchGetImage = "ecr:BatchGetImage";
    private const string UploadLayerPart = "ecr:UploadLayerPart";
    private const string BatchDeleteImage = "ecr:BatchDeleteImage";
    private const string ListImages = "ecr:ListImages";
    private const string DescribeRepositories = "ecr:DescribeRepositories";
    private const string InitiateLayerUpload = "ecr:InitiateLayerUpload";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<OciOperation> All { get; } =
    [
        new(RegistryRoute.Base, HttpMethods.Get, AnyCaller, static (_, request) => AnswerBaseAsync(request)),
        new(RegistryRoute.Base, HttpMethods.Head, AnyCaller, static (_, request) => AnswerBaseAsync(request)),
        new(RegistryRoute.Catalog, HttpMethods.Get, DescribeRepositories, static (to, request) => to.Lists.ListRepositoriesAsync(request)),
        new(RegistryRoute.Catalog, HttpMethods.Head, DescribeRepositories, static (to, request) => to.Lists.ListRepositoriesAsync(request)),
        new(RegistryRoute.TagsList, HttpMethods.Get, ListImages, static (to, request) => to.Lists.ListTagsAsync(request)),
        new(RegistryRoute.TagsList, HttpMethods.Head, ListImages, static (to, request) => to.Lists.ListTagsAsync(request)),
        new(RegistryRoute.Referrers, HttpMethods.Get, BatchGetImage, static (to, request) => to.Referrers.ListAsync(request)),
        new(RegistryRoute.Referrers, HttpMethods.Head, BatchGetImage, static (to, request) => to.Referrers.ListAsync(request)),
        new(RegistryRoute.Manifest, HttpMethods.Get, BatchGetImage, static (to, request) => to.Manifests.GetAsync(request)),
        new(RegistryRoute.Manifest, HttpMethods.Head, BatchGetImage, static (to, request) => to.Manifests.GetAsync(request)),
        new(RegistryRoute.Manifest, HttpMethods.Put, "ecr:PutImage", static (to, request) => to.Manifests.PutAsync(request)),
        new(RegistryRoute.Manifest, HttpMethods.Delete, BatchDeleteImage, static (to, request) => to.Manifests.DeleteAsync(request)),
        new(RegistryRoute.Blob, HttpMethods.Get, "ecr:GetDownloadUrlForLayer", static (to, request) => to.Blobs.GetAsync(request)),
        new(RegistryRoute.Blob, HttpMethods.Head, "ecr:BatchCheckLayerAvailability", static (to, request) => to.Blobs.GetAsync(request)),
        new(RegistryRoute.Blob, HttpMethods.Delete, BatchDeleteImage, static (to, request) => to.Blobs.DeleteAsync(request)),
        new(RegistryRoute.UploadStart, HttpMethods.Post, InitiateLayerUpload, static (to, request) => to.Uploads.StartAsync(request)),
        new(RegistryRoute.Upload, HttpMethods.Get, UploadLayerPart, static (to, request) => to.Uploads.GetStatusAsync(request)),
        new(RegistryRoute.Upload, HttpMethods.Head, UploadLayerPart, static (to, request) => to.Uploads.GetStatusAsync(request)),
        new(RegistryRoute.Upload, HttpMethods.Patch, UploadLayerPart, static (to, request) => to.Uploads.AppendAsync(request)),
        new(RegistryRoute.Upload, HttpMethods.Put, "ecr:CompleteLayerUpload", static (to, request) => to.Uploads.CompleteAsync(request)),
        new(RegistryRoute.Upload, HttpMethods.Delete, InitiateLayerUpload, static (to, request) => to.Uploads.CancelAsync(request)),
    ];

    private static readonly byte[] EmptyObject = "{}"u8.ToArray();

    private static readonly FrozenDictionary<RegistryRoute, OciOperation[]> ByRoute =
        All.GroupBy(o => o.Route).ToFrozenDictionary(g => g.Key, g => g.ToArray());

    private static readonly FrozenDictionary<RegistryRoute, string> Allowed =
        ByRoute.ToFrozenDictionary(r => r.Key, r => string.Join(", ", r.Value.Select(o => o.Method)));

    /// <summary>The operation, or null when the endpoint does not take the method.</summary>
    public static OciOperation? Find(RegistryRoute route, string method)
    {
        foreach (var operation in ByRoute[route])
            if (HttpMethods.Equals(operation.Method, method)) return operation;
        return null;
    }

    /// <summary>The methods of an endpoint, as the Allow header has them.</summary>
    public static string Allow(RegistryRoute route) => Allowed[route];

    private static Task AnswerBaseAsync(OciRequest request)
    {
        request.Response.ContentType = JsonBody.MediaType;
        request.Response.ContentLength = EmptyObject.Length;
        return request.IsHead ? Task.CompletedTask : request.Response.BodyWriter.WriteAsync(EmptyObject, request.Aborted).AsTask();
    }
}

using Longshore.Core.Aws;

namespace Longshore.Server.Aws;

/// <summary>Errors that every operation of the JSON services may answer with and that no model lists ("Common Error Types" of the API references).</summary>
internal static class CommonErrors
{
    /// <summary>The gate said no. The reference page has 403; what SDK logs show of ECR is 400 (ecr-behaviour, section 0).</summary>
    public static AwsErrorShape AccessDenied { get; } = Client("AccessDeniedException");

    /// <summary>No signature came with the request.</summary>
    public static AwsErrorShape MissingAuthenticationToken { get; } = Client("MissingAuthenticationTokenException");

    /// <summary>A token was good once.</summary>
    public static AwsErrorShape ExpiredToken { get; } = Client("ExpiredTokenException");

    /// <summary>Too many requests.</summary>
    public static AwsErrorShape Throttling { get; } = Client("ThrottlingException");

    /// <summary>The body is not JSON that fits the operation.</summary>
    public static AwsErrorShape Serialization { get; } = Client("SerializationException");

    /// <summary>No service here knows the target.</summary>
    public static AwsErrorShape UnknownOperation { get; } = Client("UnknownOperationException");

    /// <summary>The body is larger than any input of the operation.</summary>
    public static AwsErrorShape RequestTooLarge { get; } =
        new("RequestEntityTooLargeException", "RequestEntityTooLargeException", StatusCodes.Status413PayloadTooLarge, false);

    /// <summary>The store is full: a server's fault that no SDK should retry at once (see <c>LastResort</c>).</summary>
    public static AwsErrorShape StorageFull { get; } =
        new("ServerException", "ServerException", StatusCodes.Status507InsufficientStorage, true);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<AwsErrorShape> All { get; } =
        [AccessDenied, MissingAuthenticationToken, ExpiredToken, Throttling, Serialization, UnknownOperation, RequestTooLarge, StorageFull];

    private static AwsErrorShape Client(string name) => new(name, name, StatusCodes.Status400BadRequest, false);
}

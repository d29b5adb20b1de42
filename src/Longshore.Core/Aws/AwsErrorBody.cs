using System.Text.Json.Serialization;

namespace Longshore.Core.Aws;

/// <summary>The body of a JSON 1.1 error that tells only a message. Errors that tell more have a generated record each.</summary>
public sealed record AwsErrorBody
{
    /// <summary>The error's code, such as <c>RepositoryNotFoundException</c>; AWS may put a namespace and "#" before it.</summary>
    [JsonPropertyName("__type")]
    public string? ErrorType { get; init; }

    /// <summary>What went wrong, for a person.</summary>
    [JsonPropertyName("message")]
    public string? Message { get; init; }
}

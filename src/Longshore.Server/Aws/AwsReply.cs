using System.Text;
using Longshore.Core.Aws;
using Longshore.Core.Aws.Ecr;

namespace Longshore.Server.Aws;

/// <summary>An answer of an AWS face, ready to be sent.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="ContentType">The media type of the body.</param>
/// <param name="Body">The body.</param>
internal readonly record struct AwsReply(int Status, string ContentType, ReadOnlyMemory<byte> Body)
{
    /// <summary>The error's name; null for a success.</summary>
    public string? ErrorCode { get; init; }

    /// <summary>The error's sentence.</summary>
    public string? ErrorMessage { get; init; }

    /// <summary>An answer of the JSON 1.1 protocol.</summary>
    public static AwsReply Json(int status, byte[] body) => new(status, AwsJson.ContentType, body);

    /// <summary>An error of the JSON 1.1 protocol that tells only a message.</summary>
    public static AwsReply JsonError(AwsErrorShape shape, string message) => Json(
        shape.HttpStatus,
        AwsJson.Serialize(new AwsErrorBody { ErrorType = shape.Code, Message = message }, EcrJsonContext.Wire.AwsErrorBody)) with
    { ErrorCode = shape.Code, ErrorMessage = message };

    /// <summary>An answer of the query protocol.</summary>
    public static AwsReply Xml(int status, string document) => new(status, QueryXmlWriter.ContentType, Encoding.UTF8.GetBytes(document));

    /// <summary>An error of the query protocol.</summary>
    public static AwsReply XmlError(int status, string xmlNamespace, string code, string message, string requestId) =>
        Xml(status, QueryXmlWriter.Error(xmlNamespace, code, isServerFault: status >= 500, message, requestId)) with { ErrorCode = code, ErrorMessage = message };

    /// <summary>Sends it whole.</summary>
    public async Task SendAsync(HttpContext http)
    {
        http.Response.StatusCode = Status;
        http.Response.ContentType = ContentType;
        http.Response.ContentLength = Body.Length;
        await http.Response.BodyWriter.WriteAsync(Body, http.RequestAborted);
    }
}

using System.Collections.Frozen;
using Longshore.Core.Aws;
using Longshore.Core.Aws.Sts;
using Longshore.Server.Access;
using Longshore.Server.Aws;

namespace Longshore.Server.Sts;

/// <summary>STS: form in, XML out.</summary>
internal sealed class StsFace(CallerAuthenticator authenticator, RateLimits limits, IEnumerable<StsHandler> handlers)
{
    /// <summary>The operations that are offered; every other one of the model answers that it is not.</summary>
    public static IReadOnlyList<AwsOperation> Offered { get; } =
    [
        StsOperations.AssumeRole,
        StsOperations.AssumeRoleWithWebIdentity,
        StsOperations.GetAccessKeyInfo,
        StsOperations.GetCallerIdentity,
        StsOperations.GetSessionToken,
    ];

    private const string Service = "sts";
    private const string EventSource = "sts.amazonaws.com";

    private readonly FrozenDictionary<string, StsHandler> byName = handlers.ToFrozenDictionary(static handler => handler.Operation.Name, StringComparer.Ordinal);

    /// <summary>Answers a request. (1) the form, (2) the operation, (3) the caller, (4) the operation's work.</summary>
    public async ValueTask<AwsReply> AnswerAsync(HttpContext http)
    {
        var record = CallRecord.Of(http);
        record.EventSource = EventSource;
        // 1
        var limit = await authenticator.CheckHeadAsync(http, Service, http.RequestAborted) is null ? AwsEndpoint.SmallBody : AwsEndpoint.UnprovenBody;
        using var body = await RequestBody.ReadAsync(http.Request, limit, http.RequestAborted);
        if (body is null) return Error(http, "RequestEntityTooLarge", StatusCodes.Status413PayloadTooLarge, "The request body is too large.");
        if (!QueryForm.TryParse(body.Bytes.Span, out var form, out var malformed)) return Error(http, "MalformedQueryString", StatusCodes.Status400BadRequest, malformed);
        // 2
        if (form.Action is null) return Error(http, "MissingAction", StatusCodes.Status400BadRequest, "The form names no Action.");
        if (!StsOperations.All.TryGetValue(form.Action, out var operation) || form.Version is not (null or StsOperations.ApiVersion))
            return Error(http, "InvalidAction", StatusCodes.Status400BadRequest, $"Could not find this operation for version {StsOperations.ApiVersion}.");
        record.EventName = operation.Name;
        // 3
        Caller? caller = null;
        if (!operation.IsAnonymous)
        {
            var authentication = await authenticator.AuthenticateAwsAsync(http, body.Bytes, Service, http.RequestAborted);
            if (!authentication.Succeeded)
                return Error(http, authentication.Failure.QueryName, authentication.Failure.QueryStatus, authentication.Failure.Message);
            caller = authentication.Caller;
            record.Caller = caller;
            record.Registry = caller.Registry;
            if (limits.Check(caller, "sts:" + operation.Name) is { } limited) return Error(http, "Throttling", StatusCodes.Status400BadRequest, limited.Message);
        }

        // 4
        if (byName.GetValueOrDefault(operation.Name) is not { } handler)
        {
            var shape = NotOffered.ErrorOf(operation);
            return Error(http, shape.Code, shape.HttpStatus, NotOffered.Message(operation));
        }

        return (await handler.AnswerAsync(form, new StsCall(http, caller, record), http.RequestAborted)).TryGet(out var answer, out var error)
            ? AwsReply.Xml(StatusCodes.Status200OK, answer)
            : Error(http, error.Shape.Code, error.Shape.HttpStatus, error.Message);
    }

    private static AwsReply Error(HttpContext http, string code, int status, string message)
    {
        var record = CallRecord.Of(http);
        (record.ErrorCode, record.ErrorMessage) = (code, message);
        return AwsReply.Xml(status, QueryXmlWriter.Error(StsOperations.XmlNamespace, code, isServerFault: false, message, http.TraceIdentifier));
    }
}

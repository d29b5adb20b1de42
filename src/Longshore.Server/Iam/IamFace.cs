using Longshore.Core;
using Longshore.Core.Aws;
using Longshore.Core.Aws.Iam;
using Longshore.Server.Access;
using Longshore.Server.Aws;

namespace Longshore.Server.Iam;

/// <summary>
/// IAM: form in, XML out. (1) The form, (2) the operation, (3) the caller, (4) the input, (5) what it is about, (6) whether the caller may,
/// (7) the work. Before the sixth step nothing is looked up but the path that belongs to a name in the ARN.
/// </summary>
internal sealed class IamFace(CallerAuthenticator authenticator, AccessGate gate, RateLimits limits, IamDatabase database)
{
    private const string Service = "iam";
    private const string EventSource = "iam.amazonaws.com";

    /// <summary>Whether the signature of a request is for IAM: the service in the scope of its credential. STS takes all other forms.</summary>
    public static bool IsMeant(HttpContext http)
    {
        const string Mark = "Credential=";
        var authorization = http.Request.Headers.Authorization;
        if (authorization.Count != 1 || authorization[0] is not { Length: <= SignatureV4Parts.MaxAuthorizationLength } text) return false;
        var at = text.IndexOf(Mark, StringComparison.Ordinal);
        if (at < 0) return false;
        var credential = text.AsSpan(at + Mark.Length);
        var end = credential.IndexOfAny(',', ' ');
        if (end >= 0) credential = credential[..end];
        return credential.EndsWith("/" + Service + "/" + SignatureV4Credential.Terminator, StringComparison.Ordinal);
    }

    /// <summary>Answers a request.</summary>
    public async ValueTask<AwsReply> AnswerAsync(HttpContext http)
    {
        var record = CallRecord.Of(http);
        record.EventSource = EventSource;
        var outcome = await RunAsync(http, record);
        if (outcome.TryGet(out var document, out var error)) return AwsReply.Xml(StatusCodes.Status200OK, document);
        (record.ErrorCode, record.ErrorMessage) = (error.Shape.Code, error.Message);
        return AwsReply.Xml(
            error.Shape.HttpStatus,
            QueryXmlWriter.Error(IamOperations.XmlNamespace, error.Shape.Code, error.Shape.IsServerFault, error.Message, http.TraceIdentifier));
    }

    private async ValueTask<IamOutcome<string>> RunAsync(HttpContext http, CallRecord record)
    {
        var aborted = http.RequestAborted;
        // 1
        var limit = await authenticator.CheckHeadAsync(http, Service, aborted) is null ? AwsEndpoint.SmallBody : AwsEndpoint.UnprovenBody;
        using var body = await RequestBody.ReadAsync(http.Request, limit, aborted);
        if (body is null) return Fault("RequestEntityTooLarge", StatusCodes.Status413PayloadTooLarge, "The request body is too large.");
        if (!QueryForm.TryParse(body.Bytes.Span, out var form, out var malformed)) return Fault("MalformedQueryString", StatusCodes.Status400BadRequest, malformed);
        // 2
        if (form.Action is null) return Fault("MissingAction", StatusCodes.Status400BadRequest, "The form names no Action.");
        if (!IamOperationTable.All.TryGetValue(form.Action, out var operation) || form.Version is not (null or IamOperations.ApiVersion))
        {
            return Fault(
                "InvalidAction",
                StatusCodes.Status400BadRequest,
                $"Could not find this operation for version {IamOperations.ApiVersion}. docs/compatibility.md lists what this Longshore server offers.");
        }

        (record.EventName, record.ReadOnly) = (operation.Wire.Name, operation.ReadOnly);
        // 3
        var authentication = await authenticator.AuthenticateAwsAsync(http, body.Bytes, Service, aborted);
        if (!authentication.Succeeded) return Fault(authentication.Failure.QueryName, authentication.Failure.QueryStatus, authentication.Failure.Message);
        var caller = authentication.Caller;
        (record.Caller, record.Registry) = (caller, IamArns.Registry(caller.Principal.Account));
        // Else whoever got hold of a session for an hour could make a key for good. (STS API reference, GetSessionToken: no IAM without a second factor, and there is none here.)
        if (caller.Principal is { Session: not null, Kind: not PrincipalKind.RoleSession })
            return Fault("InvalidClientTokenId", StatusCodes.Status403Forbidden, "The security token included in the request is invalid: sessions of GetSessionToken cannot call IAM.");
        if (limits.Check(caller, operation.Action) is { } limited) return Fault("Throttling", StatusCodes.Status400BadRequest, limited.Message);
        // 4
        if (!operation.Read(form).TryGet(out var call, out var error)) return error;
        record.RequestParameters = IamParameters.ToJson(call.Input);
        // 5
        if (!(await call.TargetAsync(database, caller.Principal, aborted)).TryGet(out var target, out error)) return error;
        record.Resource = target.Arn == "*" ? null : target.Arn;
        // 6
        if (await AuthorizeAsync(http, caller, operation, target) is { } refused) return refused;
        // 7
        if (!(await call.RunAsync(database, caller.Principal, http.TraceIdentifier, aborted)).TryGet(out var reply, out error)) return error;
        if (!operation.ReadOnly) record.ResponseElements = IamParameters.ToJson(reply.Output);
        return reply.Document;
    }

    private async ValueTask<IamError?> AuthorizeAsync(HttpContext http, Caller caller, IamOperation operation, IamTarget target)
    {
        var request = new AccessRequest(http, caller, operation.Action, IamArns.Registry(caller.Principal.Account), null)
        {
            Resource = target.Arn,
            Conditions = target.Conditions,
            RequestTags = target.RequestTags,
        };
        var denial = await gate.CheckAsync(request, http.RequestAborted);
        if (denial is null && target.MovedTo is { } moved) denial = await gate.CheckAsync(request with { Resource = moved }, http.RequestAborted);
        return denial switch
        {
            null => null,
            { Code: ErrorCode.Denied or ErrorCode.Unauthorized } denied => IamError.Denied(denied.Message),
            // The trail cannot take the record of a write.
            var failed => Fault(IamErrorShapes.ServiceFailureException.Code, StatusCodes.Status507InsufficientStorage, failed.Message),
        };
    }

    private static IamError Fault(string code, int status, string message) => new(new AwsErrorShape(code, code, status, false), message);
}

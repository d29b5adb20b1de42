using Longshore.Core.Aws;
using Longshore.Core.Aws.EcrPublic;
using Longshore.Server.Access;
using Longshore.Server.Aws;

namespace Longshore.Server.EcrPublic;

/// <summary>ECR Public. None of its operations is offered yet: each says so in its own model's words, to callers who are known.</summary>
internal sealed class EcrPublicFace(CallerAuthenticator authenticator, AccessGate gate, RateLimits limits)
{
    /// <summary>What stands before the dot in <c>X-Amz-Target</c>.</summary>
    public const string TargetPrefix = EcrPublicOperations.TargetPrefix;

    private const string Service = "ecr-public";

    /// <summary>The operation, or null.</summary>
    public static AwsOperation? Find(string name) => EcrPublicOperations.All.GetValueOrDefault(name);

    /// <summary>Answers a request.</summary>
    public async ValueTask<AwsReply> AnswerAsync(HttpContext http, AwsOperation operation)
    {
        var record = CallRecord.Of(http);
        (record.EventSource, record.EventName) = ("ecr-public.amazonaws.com", operation.Name);
        if (await authenticator.CheckHeadAsync(http, Service, http.RequestAborted) is { } early) return JsonAuthentication.Refuse(early);
        using var body = await RequestBody.ReadAsync(http.Request, AwsEndpoint.LargeBody, http.RequestAborted);
        if (body is null) return AwsReply.JsonError(CommonErrors.RequestTooLarge, "The request body is too large.");
        var authentication = await authenticator.AuthenticateAwsAsync(http, body.Bytes, Service, http.RequestAborted);
        if (!authentication.Succeeded) return JsonAuthentication.Refuse(authentication.Failure);
        record.Caller = authentication.Caller;
        record.Registry = authentication.Caller.Registry;
        if (limits.Check(authentication.Caller, "ecr-public:" + operation.Name) is { } limited) return AwsReply.JsonError(CommonErrors.Throttling, limited.Message);
        var request = new AccessRequest(http, authentication.Caller, "ecr-public:" + operation.Name, authentication.Caller.Registry, null);
        return await gate.CheckAsync(request, http.RequestAborted) is { } denied
            ? AwsReply.JsonError(CommonErrors.AccessDenied, denied.Message)
            : AwsReply.JsonError(NotOffered.ErrorOf(operation), NotOffered.Message(operation));
    }
}

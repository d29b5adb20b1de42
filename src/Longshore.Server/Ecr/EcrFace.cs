using System.Collections.Frozen;
using Longshore.Core.Aws;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Access;
using Longshore.Server.Aws;

namespace Longshore.Server.Ecr;

/// <summary>ECR: JSON 1.1 under the service name <c>ecr</c>.</summary>
internal sealed class EcrFace(IServiceProvider services, CallerAuthenticator authenticator, AccessGate gate, RateLimits limits)
{
    /// <summary>What stands before the dot in <c>X-Amz-Target</c>.</summary>
    public const string TargetPrefix = EcrOperations.TargetPrefix;

    private const string Service = "ecr";

    private readonly FrozenDictionary<string, BoundOperation> operations = EcrOperationTable.All.ToFrozenDictionary(
        entry => entry.Operation.Name,
        entry => new BoundOperation(entry.Operation, entry.Create?.Invoke(services)),
        StringComparer.Ordinal);

    /// <summary>The operation, or null.</summary>
    public BoundOperation? Find(string name) => operations.GetValueOrDefault(name);

    /// <summary>Answers a request.</summary>
    public async ValueTask<AwsReply> AnswerAsync(HttpContext http, BoundOperation operation, PublicAddress address)
    {
        var record = CallRecord.Of(http);
        record.EventName = operation.Operation.Name;
        if (await authenticator.CheckHeadAsync(http, Service, http.RequestAborted) is { } early) return JsonAuthentication.Refuse(early);
        var limit = operation.IsLarge ? AwsEndpoint.LargeBody : AwsEndpoint.SmallBody;
        using var body = await RequestBody.ReadAsync(http.Request, limit, http.RequestAborted);
        if (body is null) return AwsReply.JsonError(CommonErrors.RequestTooLarge, $"The request body is larger than {limit} bytes.");
        var authentication = await authenticator.AuthenticateAwsAsync(http, body.Bytes, Service, http.RequestAborted);
        if (!authentication.Succeeded) return JsonAuthentication.Refuse(authentication.Failure);
        record.Caller = authentication.Caller;
        record.Registry = authentication.Caller.Registry;
        if (limits.Check(authentication.Caller, "ecr:" + operation.Operation.Name) is { } limited) return AwsReply.JsonError(CommonErrors.Throttling, limited.Message);
        if (operation.Handler is { } handler) return await handler.AnswerAsync(new EcrCall(http, authentication.Caller, address), body.Bytes, gate, http.RequestAborted);
        // What cannot be done yet may be denied already: who may not know does not learn.
        var request = new AccessRequest(http, authentication.Caller, "ecr:" + operation.Operation.Name, authentication.Caller.Registry, null);
        return await gate.CheckAsync(request, http.RequestAborted) is { } denied
            ? EcrErrors.Answer(operation.Operation, denied)
            : AwsReply.JsonError(NotOffered.ErrorOf(operation.Operation), NotOffered.Message(operation.Operation));
    }
}

/// <summary>An operation of the model with its handler; null when it is not offered.</summary>
internal sealed record BoundOperation(AwsOperation Operation, EcrHandler? Handler)
{
    /// <summary>Whether the input carries content: a layer part or a manifest.</summary>
    public bool IsLarge => ReferenceEquals(Operation, EcrOperations.UploadLayerPart) || ReferenceEquals(Operation, EcrOperations.PutImage);
}

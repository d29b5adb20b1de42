using System.Buffers;
using Longshore.Core;
using Longshore.Core.Aws;
using Longshore.Server.Access;
using Longshore.Server.Aws;

namespace Longshore.Server.Ecr;

/// <summary>An offered operation of ECR, with what it declares to the gate.</summary>
internal abstract class EcrHandler
{
    /// <summary>The operation as the model has it.</summary>
    public abstract AwsOperation Operation { get; }

    /// <summary>The IAM action.</summary>
    public string Action => "ecr:" + Operation.Name;

    /// <summary>Whether it changes nothing: ECR's verbs say so.</summary>
    public bool IsReadOnly => ReadingVerbs.Any(verb => Operation.Name.StartsWith(verb, StringComparison.Ordinal));

    /// <summary>Whether its body is content rather than parameters: it is not copied into the trail.</summary>
    public bool CarriesContent => Operation.Name is "UploadLayerPart" or "PutImage";

    private static readonly string[] ReadingVerbs = ["Get", "Describe", "List", "BatchGet", "BatchCheck", "Validate"];

    /// <summary>Answers a call whose signature was verified.</summary>
    public abstract ValueTask<AwsReply> AnswerAsync(EcrCall call, ReadOnlyMemory<byte> body, AccessGate gate, CancellationToken cancellationToken);
}

/// <summary>
/// The steps that all operations share: (1) read the input, (2) check it against the model, (3) find what it is about,
/// (4) ask the gate, (5) do the work. The gate comes before anything is looked up: who may not know does not learn.
/// </summary>
internal abstract class EcrHandler<TInput, TOutput>(JsonOperation<TInput, TOutput> operation) : EcrHandler
    where TInput : class
    where TOutput : class
{
    /// <inheritdoc/>
    public sealed override AwsOperation Operation => operation;

    /// <inheritdoc/>
    public sealed override async ValueTask<AwsReply> AnswerAsync(EcrCall call, ReadOnlyMemory<byte> body, AccessGate gate, CancellationToken cancellationToken)
    {
        // 1
        var record = CallRecord.Of(call.Http);
        record.ReadOnly = IsReadOnly;
        if (!operation.TryReadInput(new ReadOnlySequence<byte>(body), out var input, out var malformed))
            return AwsReply.JsonError(CommonErrors.Serialization, malformed);
        // As it was understood: what else a body holds neither hides the rest, for its length, nor stands in for it.
        if (!CarriesContent) record.RequestParameters = operation.WriteInput(input);
        // 2
        var violations = operation.Validate(input);
        if (violations.Count > 0)
            return EcrErrors.Answer(operation, new RegistryError(ErrorCode.InvalidParameter, ConstraintMessages.InvalidParameter(violations)));
        // 3
        if (!Locate(input, call.Caller.Registry).TryGet(out var target, out var error)) return EcrErrors.Answer(operation, error);
        // 4
        record.Registry = target.Registry;
        if (target.Names.Count == 1) record.Repository = target.Name.Value;
        if (await RefusalAsync(input, call, target, gate, cancellationToken) is { } refusal) return EcrErrors.Answer(operation, refusal);
        // 5
        if (!(await HandleAsync(input, target, call, cancellationToken)).TryGet(out var output, out error)) return EcrErrors.Answer(operation, error);
        var answer = operation.WriteOutput(output);
        if (!IsReadOnly && !CarriesContent && answer.Length <= CallRecord.MaxDocument) record.ResponseElements = answer;
        return AwsReply.Json(StatusCodes.Status200OK, answer);
    }

    /// <summary>Tells the gate what conditions may ask about: tags that the request brings, keys of this action alone. Nothing unless overridden.</summary>
    protected virtual AccessRequest Describe(TInput input, in AccessRequest request) => request;

    /// <summary>Further actions that an operation on the registry needs for what its input holds, with their resources. None unless overridden.</summary>
    protected virtual IEnumerable<(string Action, string Resource)> Further(TInput input, RegistryId registry) => [];

    /// <summary>What the input is about, for the gate.</summary>
    /// <param name="input">The input; the model's constraints hold.</param>
    /// <param name="home">The caller's own registry.</param>
    protected abstract Outcome<EcrTarget> Locate(TInput input, RegistryId home);

    /// <summary>Does the work; the gate has allowed it.</summary>
    protected abstract ValueTask<Outcome<TOutput>> HandleAsync(TInput input, EcrTarget target, EcrCall call, CancellationToken cancellationToken);

    private async ValueTask<RegistryError?> RefusalAsync(TInput input, EcrCall call, EcrTarget target, AccessGate gate, CancellationToken cancellationToken)
    {
        if (target.Names.Count == 0)
        {
            var whole = new AccessRequest(call.Http, call.Caller, Action, target.Registry, null)
            {
                Resource = target.AllRepositories ? AccessRequest.AllRepositories(target.Registry) : null,
            };
            if (await gate.CheckAsync(Describe(input, whole), cancellationToken) is { } denied) return denied;
            foreach (var (action, resource) in Further(input, target.Registry))
                if (await gate.CheckAsync(whole with { Action = action, Resource = resource }, cancellationToken) is { } also) return also;
            return null;
        }

        foreach (var name in target.Names)
        {
            var request = new AccessRequest(call.Http, call.Caller, Action, target.Registry, name);
            if (await gate.CheckAsync(Describe(input, request), cancellationToken) is { } refusal) return refusal;
        }

        return null;
    }
}

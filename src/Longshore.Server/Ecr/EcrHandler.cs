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
        if (!operation.TryReadInput(new ReadOnlySequence<byte>(body), out var input, out var malformed))
            return AwsReply.JsonError(CommonErrors.Serialization, malformed);
        // 2
        var violations = operation.Validate(input);
        if (violations.Count > 0)
            return EcrErrors.Answer(operation, new RegistryError(ErrorCode.InvalidParameter, ConstraintMessages.InvalidParameter(violations)));
        // 3
        if (!Locate(input, call.Caller.Registry).TryGet(out var target, out var error)) return EcrErrors.Answer(operation, error);
        // 4
        if (Refusal(call, target, gate) is { } refusal) return EcrErrors.Answer(operation, refusal);
        // 5
        return (await HandleAsync(input, target, call, cancellationToken)).TryGet(out var output, out error)
            ? AwsReply.Json(StatusCodes.Status200OK, operation.WriteOutput(output))
            : EcrErrors.Answer(operation, error);
    }

    /// <summary>What the input is about, for the gate.</summary>
    /// <param name="input">The input; the model's constraints hold.</param>
    /// <param name="home">The caller's own registry.</param>
    protected abstract Outcome<EcrTarget> Locate(TInput input, RegistryId home);

    /// <summary>Does the work; the gate has allowed it.</summary>
    protected abstract ValueTask<Outcome<TOutput>> HandleAsync(TInput input, EcrTarget target, EcrCall call, CancellationToken cancellationToken);

    private RegistryError? Refusal(EcrCall call, EcrTarget target, AccessGate gate)
    {
        var principal = call.Caller.Principal;
        if (target.Names.Count == 0) return gate.Check(new AccessRequest(principal, Action, target.Registry, null));
        foreach (var name in target.Names)
            if (gate.Check(new AccessRequest(principal, Action, target.Registry, name)) is { } refusal) return refusal;
        return null;
    }
}

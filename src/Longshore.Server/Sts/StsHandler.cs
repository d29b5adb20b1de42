using System.Text.Json;
using Longshore.Core.Aws;
using Longshore.Server.Access;

namespace Longshore.Server.Sts;

/// <summary>A request to STS whose signature stands, or that needs none.</summary>
/// <param name="Http">The request.</param>
/// <param name="SignedBy">Who signed it; null for operations that take no signature.</param>
/// <param name="Record">What the trail is told.</param>
internal sealed record StsCall(HttpContext Http, Caller? SignedBy, CallRecord Record)
{
    /// <summary>Who signed it.</summary>
    public Caller Caller => SignedBy ?? throw new InvalidOperationException("The operation takes no signature.");
}

/// <summary>One operation of STS, as the face sees it.</summary>
internal abstract class StsHandler
{
    /// <summary>The operation.</summary>
    public abstract AwsOperation Operation { get; }

    /// <summary>From the form to the body of the answer.</summary>
    public abstract ValueTask<StsOutcome<string>> AnswerAsync(QueryForm form, StsCall call, CancellationToken cancellationToken);
}

/// <summary>One operation of STS: (1) read the input, (2) check the model's constraints, (3) tell the trail, (4) the operation's work.</summary>
internal abstract class StsHandler<TInput, TOutput>(QueryOperation<TInput, TOutput> operation) : StsHandler
    where TInput : class
    where TOutput : class
{
    public sealed override AwsOperation Operation => operation;

    public sealed override async ValueTask<StsOutcome<string>> AnswerAsync(QueryForm form, StsCall call, CancellationToken cancellationToken)
    {
        // 1
        if (!operation.TryReadInput(form, out var input, out var malformed)) return StsError.MalformedInput(malformed);
        // 2
        var violations = operation.Validate(input);
        if (violations.Count > 0) return StsError.Validation(ConstraintMessages.ValidationError(violations));
        // 3
        call.Record.RequestParameters = Json(writer => Describe(input, writer));
        // 4
        if (!(await HandleAsync(input, call, cancellationToken)).TryGet(out var output, out var error)) return error;
        call.Record.ResponseElements = Json(writer => Describe(output, writer));
        return operation.WriteOutput(output, call.Http.TraceIdentifier);
    }

    /// <summary>Writes members of the input for the trail, as CloudTrail names them: no token, no code.</summary>
    protected virtual void Describe(TInput input, Utf8JsonWriter writer)
    {
    }

    /// <summary>Writes members of the answer for the trail: no secret, no token.</summary>
    protected virtual void Describe(TOutput output, Utf8JsonWriter writer)
    {
    }

    /// <summary>The operation's work.</summary>
    protected abstract ValueTask<StsOutcome<TOutput>> HandleAsync(TInput input, StsCall call, CancellationToken cancellationToken);

    /// <summary>A document for the trail; null when there is nothing to say.</summary>
    protected static byte[]? Json(Action<Utf8JsonWriter> describe)
    {
        using var content = new MemoryStream();
        using (var writer = new Utf8JsonWriter(content))
        {
            writer.WriteStartObject();
            describe(writer);
            writer.WriteEndObject();
        }

        return content.Length > 2 ? content.ToArray() : null;
    }
}

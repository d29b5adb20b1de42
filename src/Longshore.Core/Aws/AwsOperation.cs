namespace Longshore.Core.Aws;

/// <summary>
/// One operation of an AWS model. The untyped face is for tables and documentation; handlers are registered against
/// the typed <see cref="AwsOperation{TInput, TOutput}"/>, which ties their input and output to the operation.
/// </summary>
public abstract class AwsOperation
{
    private protected AwsOperation()
    {
    }

    /// <summary>The wire name: after the dot of <c>X-Amz-Target</c>, or the value of <c>Action</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The exceptions the model lets this operation answer with. Others (throttling, access) are common to all.</summary>
    public required IReadOnlyList<AwsErrorShape> Errors { get; init; }

    /// <summary>Whether callers need no signature.</summary>
    public bool IsAnonymous { get; init; }

    /// <summary>The record of the input.</summary>
    public abstract Type InputType { get; }

    /// <summary>The record of the output.</summary>
    public abstract Type OutputType { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>An operation with its types; one subclass per protocol.</summary>
public abstract class AwsOperation<TInput, TOutput> : AwsOperation
    where TInput : class
    where TOutput : class
{
    private protected AwsOperation()
    {
    }

    /// <summary>All violations of the model's constraints, in member order; empty when there are none.</summary>
    public required Func<TInput, IReadOnlyList<ConstraintViolation>> Validate { get; init; }

    /// <inheritdoc/>
    public sealed override Type InputType => typeof(TInput);

    /// <inheritdoc/>
    public sealed override Type OutputType => typeof(TOutput);
}

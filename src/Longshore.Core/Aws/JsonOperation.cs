using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization.Metadata;

namespace Longshore.Core.Aws;

/// <summary>An operation that travels as JSON 1.1 (ECR, ECR Public).</summary>
public sealed class JsonOperation<TInput, TOutput> : AwsOperation<TInput, TOutput>
    where TInput : class
    where TOutput : class
{
    /// <summary>Metadata of the request body.</summary>
    public required JsonTypeInfo<TInput> Input { get; init; }

    /// <summary>Metadata of the reply's body.</summary>
    public required JsonTypeInfo<TOutput> Output { get; init; }

    /// <summary>Reads a request body; see <see cref="AwsJson"/> for what fails. Constraints are checked by <c>Validate</c>.</summary>
    public bool TryReadInput(
        in ReadOnlySequence<byte> body, [NotNullWhen(true)] out TInput? input, [NotNullWhen(false)] out string? error) =>
        AwsJson.TryParse(body, Input, out input, out error);

    /// <summary>An input as it was understood: without members that the model does not have.</summary>
    public byte[] WriteInput(TInput input) => AwsJson.Serialize(input, Input);

    /// <summary>The reply's body.</summary>
    public byte[] WriteOutput(TOutput output) => AwsJson.Serialize(output, Output);
}

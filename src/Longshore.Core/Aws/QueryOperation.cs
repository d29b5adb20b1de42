using System.Diagnostics.CodeAnalysis;

namespace Longshore.Core.Aws;

/// <summary>An operation that travels as form members and answers in XML (STS, IAM).</summary>
public sealed class QueryOperation<TInput, TOutput> : AwsOperation<TInput, TOutput>
    where TInput : class
    where TOutput : class
{
    /// <summary>The element around the output's members; null for operations that tell nothing but that they succeeded.</summary>
    public required string? ResultElement { get; init; }

    /// <summary>The namespace of the reply.</summary>
    public required string XmlNamespace { get; init; }

    /// <summary>Reads the record; faults are noted in the form.</summary>
    public required Func<QueryNode, TInput> ReadMembers { get; init; }

    /// <summary>Writes the record's members as elements.</summary>
    public required Action<QueryXmlWriter, TOutput> WriteMembers { get; init; }

    /// <summary>Reads the input; false for numbers and lists that are malformed. Constraints are checked by <c>Validate</c>.</summary>
    /// <param name="form">From <see cref="QueryForm.TryParse"/>.</param>
    /// <param name="input">The record; members the model does not know are ignored.</param>
    /// <param name="error">What to tell the client under the code <c>MalformedInput</c>, status 400.</param>
    public bool TryReadInput(QueryForm form, [NotNullWhen(true)] out TInput? input, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(form);
        var faults = new List<string>();
        input = ReadMembers(form.Open(faults));
        error = faults.Count == 0 ? null : faults[0];
        if (error is null) return true;
        input = null;
        return false;
    }

    /// <summary>The reply's body.</summary>
    /// <param name="output">What the operation gives.</param>
    /// <param name="requestId">The id of the request, told in <c>ResponseMetadata</c>.</param>
    public string WriteOutput(TOutput output, string requestId) =>
        QueryXmlWriter.Reply(Name + "Response", ResultElement, XmlNamespace, requestId, output, WriteMembers);
}

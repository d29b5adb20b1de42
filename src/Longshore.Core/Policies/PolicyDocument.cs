namespace Longshore.Core.Policies;

/// <summary>
/// A policy in IAM's language (IAM User Guide, "Grammar of the IAM JSON policy language"), parsed and ready to be evaluated; immutable.
/// </summary>
public sealed class PolicyDocument
{
    /// <summary>The version from which on policy variables have a meaning.</summary>
    public const string CurrentVersion = "2012-10-17";

    /// <summary>The version of documents that name none.</summary>
    public const string FirstVersion = "2008-10-17";

    internal PolicyDocument(string text, string? version, string? id, IReadOnlyList<PolicyStatement> statements) =>
        (Text, Version, Id, Statements) = (text, version, id, statements);

    /// <summary>The document as it was given.</summary>
    public string Text { get; }

    /// <summary>The version that it names.</summary>
    public string? Version { get; }

    /// <summary>Its id; without effect.</summary>
    public string? Id { get; }

    /// <summary>Its statements in their order.</summary>
    public IReadOnlyList<PolicyStatement> Statements { get; }

    /// <summary>
    /// Reads a document. <see cref="ErrorCode.InvalidParameter"/> with all faults at once, one a line, each with the path of the member at
    /// fault.
    /// </summary>
    /// <param name="text">The document.</param>
    /// <param name="kind">What it is for: resource-based policies name principals, the others resources.</param>
    public static Outcome<PolicyDocument> Parse(string text, PolicyKind kind)
    {
        ArgumentNullException.ThrowIfNull(text);
        var reader = new PolicyDocumentReader(kind);
        return reader.Read(text) is { } document
            ? document
            : new RegistryError(ErrorCode.InvalidParameter, string.Join('\n', reader.Faults));
    }
}

/// <summary>A policy where it is attached.</summary>
/// <param name="Kind">What it is attached as.</param>
/// <param name="Source">What people know it by: the ARN of a managed policy, or whose inline policy it is.</param>
/// <param name="Document">The document; null when the stored text cannot be read any more: then it denies everything.</param>
public sealed record AttachedPolicy(PolicyKind Kind, string Source, PolicyDocument? Document)
{
    /// <summary>The only actions that it has a say in; null for all (the policy of a registry under the scope V1).</summary>
    public IReadOnlyList<string>? OnlyFor { get; init; }

    /// <summary>Whether it has a say in an action.</summary>
    public bool IsAbout(string action) => OnlyFor is null || OnlyFor.Contains(action, StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads a stored policy.</summary>
    public static AttachedPolicy Read(PolicyKind kind, string source, string text) =>
        new(kind, source, PolicyDocument.Parse(text, kind).TryGet(out var document, out _) ? document : null);
}

using System.Text.Json.Serialization;

namespace Longshore.Server.Management.Access;

/// <summary>Why somebody may or may not do something.</summary>
/// <param name="Principal">Who.</param>
/// <param name="Action">What.</param>
/// <param name="Resource">To what.</param>
/// <param name="Decision"><c>allowed</c>, <c>explicitDeny</c> or <c>implicitDeny</c>.</param>
/// <param name="Reason">The sentence that clients are told.</param>
/// <param name="Basis">Which kind of policy decided, or is missing: <c>root</c>, <c>identity</c>, <c>boundary</c>, <c>session</c>, <c>resource</c>.</param>
/// <param name="Policy">The policy that decided.</param>
/// <param name="Statement">Its statement: the Sid, or its number.</param>
/// <param name="StatementText">The statement as it is written.</param>
/// <param name="MissingContextKeys">Condition keys that policies ask for and that were not given.</param>
/// <param name="Fixes">The smallest statements that would allow it, and where they belong.</param>
/// <param name="Advice">What else to do.</param>
internal sealed record AccessExplanationWire(
    string Principal,
    string Action,
    string Resource,
    string Decision,
    string Reason,
    string Basis,
    string? Policy,
    string? Statement,
    string? StatementText,
    IReadOnlyList<string> MissingContextKeys,
    IReadOnlyList<AccessFixWire> Fixes,
    string? Advice);

/// <summary>A statement that is missing.</summary>
/// <param name="Where">The policy that it belongs into.</param>
/// <param name="Statement">The statement, as JSON.</param>
internal sealed record AccessFixWire(string Where, string Statement);

/// <summary>A grant that is too wide or unused.</summary>
/// <param name="Code">What it is, for programs.</param>
/// <param name="Severity"><c>high</c>, <c>medium</c> or <c>low</c>.</param>
/// <param name="Where">The policy, key or role.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="Fix">What to do.</param>
internal sealed record AccessFindingWire(string Code, string Severity, string Where, string Message, string Fix);

/// <summary>A page of findings; a page may be empty and still have a next one.</summary>
/// <param name="Findings">The findings.</param>
/// <param name="NextToken">Of the next page.</param>
internal sealed record AccessFindingsWire(IReadOnlyList<AccessFindingWire> Findings, string? NextToken);

/// <summary>Serialization of this slice.</summary>
[JsonSerializable(typeof(AccessExplanationWire))]
[JsonSerializable(typeof(AccessFindingsWire))]
internal sealed partial class AccessJson : JsonSerializerContext
{
    /// <summary>With the options of this API.</summary>
    public static AccessJson Wire { get; } = new(ManagementJson.NewOptions());

    /// <summary>For who reads answers.</summary>
    public static AccessJson Client { get; } = new(ManagementJson.NewClientOptions());
}

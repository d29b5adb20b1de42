using System.Text.Json.Nodes;

namespace Longshore.Server.Management;

/// <summary>What a parameter of the path or the query holds.</summary>
internal enum ParameterKind
{
    /// <summary>Any text.</summary>
    Text,

    /// <summary>A whole number from the parameter's smallest to its largest.</summary>
    Integer,

    /// <summary><c>true</c> or <c>false</c>; false when it is left out.</summary>
    Flag,
}

/// <summary>A declared parameter. What is not declared is refused, so that a misspelt <c>force</c> is not taken for none.</summary>
/// <param name="Name">As in the path's braces, or in the query.</param>
/// <param name="Kind">What it holds.</param>
/// <param name="Description">A sentence for people.</param>
/// <param name="InPath">Whether it is a segment of the path.</param>
/// <param name="Required">Whether it must be given.</param>
internal sealed record ManagementParameter(string Name, ParameterKind Kind, string Description, bool InPath = false, bool Required = false)
{
    /// <summary>Longest text, in characters.</summary>
    public int MaxLength { get; init; } = 1024;

    /// <summary>Smallest number.</summary>
    public long Minimum { get; init; }

    /// <summary>Largest number.</summary>
    public long Maximum { get; init; } = long.MaxValue;

    /// <summary>For a flag: the verb of a further IAM action that its <c>true</c> takes.</summary>
    public string? FurtherVerb { get; init; }

    /// <summary>The further IAM action, or null.</summary>
    public string? FurtherAction => FurtherVerb is null ? null : ManagementDeclaration.ActionPrefix + FurtherVerb;

    /// <summary>A segment of the path.</summary>
    public static ManagementParameter Segment(string name, string description) => new(name, ParameterKind.Text, description, InPath: true, Required: true);

    /// <summary>Text in the query.</summary>
    public static ManagementParameter Query(string name, string description, bool required = false) => new(name, ParameterKind.Text, description, Required: required);

    /// <summary>A flag in the query.</summary>
    public static ManagementParameter Flag(string name, string description, string? furtherVerb = null) =>
        new(name, ParameterKind.Flag, description) { FurtherVerb = furtherVerb };

    /// <summary>What is wrong with a value; null when nothing is.</summary>
    public string? Check(string value) => Kind switch
    {
        ParameterKind.Text => value.Length <= MaxLength && (value.Length > 0 || !Required) ? null : $"must have 1 to {MaxLength} characters",
        ParameterKind.Flag => value is "true" or "false" ? null : "must be true or false",
        _ => long.TryParse(value, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number)
            && number >= Minimum && number <= Maximum ? null : $"must be a whole number from {Minimum} to {Maximum}",
    };

    /// <summary>Its JSON schema.</summary>
    public JsonObject Schema() => Kind switch
    {
        ParameterKind.Text => new JsonObject { ["type"] = "string", ["maxLength"] = MaxLength },
        ParameterKind.Flag => new JsonObject { ["type"] = "boolean", ["default"] = false },
        _ => new JsonObject { ["type"] = "integer", ["format"] = "int64", ["minimum"] = Minimum, ["maximum"] = Maximum },
    };
}

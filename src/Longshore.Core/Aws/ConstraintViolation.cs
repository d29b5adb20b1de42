using System.Text;

namespace Longshore.Core.Aws;

/// <summary>One way in which an input breaks its model.</summary>
/// <param name="Path">Wire names from the input down, list items counted from 1: <c>tags.2.member.Key</c>.</param>
/// <param name="Value">The value as far as it may be told (shortened, absent for secrets, bytes, lists); "null" when missing.</param>
/// <param name="Constraint">What was demanded, in AWS's words, such as <c>Member must have length less than or equal to 256</c>.</param>
public sealed record ConstraintViolation(string Path, string? Value, string Constraint)
{
    /// <summary>The constraint of a missing member.</summary>
    public const string NotNull = "must not be null";

    /// <summary>ECR's form, for <c>InvalidParameterException</c>.</summary>
    public string ToInvalidParameter() => $"Invalid parameter at '{Path}' failed to satisfy constraint: '{Constraint}'";
}

/// <summary>The messages in which services report violations.</summary>
public static class ConstraintMessages
{
    /// <summary>ECR's form for <c>InvalidParameterException</c>: one sentence per violation, in member order, so that all are named.</summary>
    public static string InvalidParameter(IReadOnlyList<ConstraintViolation> violations) =>
        string.Join("; ", violations.Select(violation => violation.ToInvalidParameter()));

    /// <summary>The form of <c>ValidationError</c> (STS) and <c>ValidationException</c>: the count, then every violation with its value.</summary>
    public static string ValidationError(IReadOnlyList<ConstraintViolation> violations)
    {
        ArgumentNullException.ThrowIfNull(violations);
        var text = new StringBuilder();
        text.Append(violations.Count).Append(violations.Count == 1 ? " validation error detected: " : " validation errors detected: ");
        for (var i = 0; i < violations.Count; i++)
        {
            var violation = violations[i];
            text.Append(i == 0 ? "Value" : "; Value");
            if (violation.Value is { } value) text.Append(" '").Append(value).Append('\'');
            text.Append(" at '").Append(violation.Path).Append("' failed to satisfy constraint: ");
            text.Append(violation.Constraint == ConstraintViolation.NotNull ? "Member " : "").Append(violation.Constraint);
        }

        return text.ToString();
    }
}

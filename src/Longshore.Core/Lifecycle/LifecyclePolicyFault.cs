namespace Longshore.Core.Lifecycle;

/// <summary>What is wrong with a policy document.</summary>
/// <param name="Path">The member at fault, such as <c>rules[2].selection.countUnit</c>; empty for the document itself.</param>
/// <param name="Message">In ECR's words where they are known.</param>
public sealed record LifecyclePolicyFault(string Path, string Message)
{
    /// <summary>All faults as the reason of ECR's InvalidParameterException: one a line.</summary>
    public static string ToReason(IEnumerable<LifecyclePolicyFault> faults) => "Lifecycle policy validation failure: " + string.Join('\n', faults);

    /// <summary>The message with the place.</summary>
    public override string ToString() => Path.Length == 0 ? Message : $"{Message} at {Path}";
}

using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Longshore.Core.Lifecycle;

/// <summary>Reads lifecycle policies: a closed schema, then the rules that hold between members and between rules.</summary>
/// <remarks>Source: ECR User Guide, "Lifecycle policy properties"; messages as ECR's users report them.</remarks>
public static class LifecyclePolicyParser
{
    /// <summary>Fewest characters of a document (model: LifecyclePolicyText). Templates take shorter ones.</summary>
    public const int MinLength = 100;

    /// <summary>Most characters of a document (model: LifecyclePolicyText).</summary>
    public const int MaxLength = 30_720;

    /// <summary>Reads a document: the policy, or everything that is wrong with it. Never throws.</summary>
    /// <param name="text">The document.</param>
    /// <param name="minLength">Fewest characters: <see cref="MinLength"/>, or 0 where the model says so.</param>
    /// <param name="policy">The policy when there is no fault.</param>
    /// <param name="faults">All faults, in the order of the document.</param>
    public static bool TryParse(string text, int minLength, [NotNullWhen(true)] out LifecyclePolicy? policy, out IReadOnlyList<LifecyclePolicyFault> faults)
    {
        ArgumentNullException.ThrowIfNull(text);
        policy = null;
        var found = new List<LifecyclePolicyFault>();
        faults = found;
        if (text.Length < minLength || text.Length > MaxLength)
        {
            found.Add(new("", $"the text has {text.Length} characters and must have {minLength} to {MaxLength}"));
            return false;
        }

        try
        {
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 32 });
            var reader = new LifecycleDocumentReader(found);
            var rules = reader.ReadDocument(document.RootElement);
            // Also of the rules that could be read beside broken ones: all faults at once.
            LifecycleRuleChecks.Check(rules, found);
            if (found.Count > 0) return false;
            policy = new LifecyclePolicy(text, [.. rules.OrderBy(static rule => rule.Priority)]);
            return true;
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
        {
            // No JSON, or text that is no Unicode.
            found.Add(new("", "Could not map policyString into LifecyclePolicy."));
            return false;
        }
    }

    /// <inheritdoc cref="TryParse(string, int, out LifecyclePolicy?, out IReadOnlyList{LifecyclePolicyFault})"/>
    public static bool TryParse(string text, [NotNullWhen(true)] out LifecyclePolicy? policy, out IReadOnlyList<LifecyclePolicyFault> faults) =>
        TryParse(text, MinLength, out policy, out faults);
}

using Longshore.Core.Aws.Sts;
using Longshore.Core.Policies;
using Longshore.Server.Access;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Sts;

/// <summary>
/// The policies that are given with a session: an inline one and managed ones. Managed ones are taken as they are now: changing one later does
/// not change sessions that were issued.
/// </summary>
internal sealed class SessionPolicies(IDatabase database)
{
    /// <summary>Most managed policies (STS API reference, PolicyArns).</summary>
    public const int MostArns = 10;

    /// <summary>Longest inline policy, in characters; far more than what a packed size lets through as a rule.</summary>
    public const int MaxLength = 10_240;

    /// <summary>The texts; empty when none was given. Malformed ones, and managed ones that are not there, are refused.</summary>
    /// <param name="account">The role's account, which managed policies must be of, unless they are AWS's own.</param>
    /// <param name="inline">The inline policy, or null.</param>
    /// <param name="managed">ARNs of managed policies, or null.</param>
    /// <param name="cancellationToken">Ends with the request.</param>
    public async ValueTask<StsOutcome<IReadOnlyList<string>>> ReadAsync(
        string account, string? inline, IReadOnlyList<PolicyDescriptorType>? managed, CancellationToken cancellationToken)
    {
        var texts = new List<string>();
        if (inline is not null)
        {
            if (inline.Length > MaxLength) return StsError.PackedTooLarge($"The session policy is longer than {MaxLength} characters.");
            if (PolicyDocument.Parse(inline, PolicyKind.Session).Error is { } error) return StsError.MalformedPolicy(error.Message);
            texts.Add(inline);
        }

        if (managed?.Count > MostArns) return StsError.Validation($"1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to {MostArns}");
        foreach (var descriptor in managed ?? [])
        {
            var arn = descriptor.Arn ?? "";
            var policy = IsOf(account, arn) ? await database.ReadAsync(session => ManagedPolicyRows.ReadAsync(session, arn, PolicyKind.Session), cancellationToken) : null;
            if (policy?.Document is not { } document) return StsError.MalformedPolicy($"The managed policy '{arn}' does not exist, or is not of the role's account.");
            texts.Add(document.Text);
        }

        return StsOutcome<IReadOnlyList<string>>.Of(texts);
    }

    private static bool IsOf(string account, string arn) =>
        arn.StartsWith(AwsManagedPolicies.ArnPrefix, StringComparison.Ordinal) || arn.StartsWith($"arn:aws:iam::{account}:policy/", StringComparison.Ordinal);
}

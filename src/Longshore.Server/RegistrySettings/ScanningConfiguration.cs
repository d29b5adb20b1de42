using Longshore.Core;

namespace Longshore.Server.RegistrySettings;

/// <summary>What a registry says about scanning (ECR, PutRegistryScanningConfiguration): type and at most two rules.</summary>
/// <param name="ScanType"><c>BASIC</c> or <c>ENHANCED</c>.</param>
/// <param name="Rules">In the order given.</param>
internal sealed record ScanningConfiguration(string ScanType, IReadOnlyList<ScanningRule> Rules)
{
    public const string Basic = "BASIC";
    public const string Enhanced = "ENHANCED";
    public const string OnPush = "SCAN_ON_PUSH";
    public const string Continuous = "CONTINUOUS_SCAN";
    public const string Manual = "MANUAL";

    /// <summary>What a registry has when nothing was put.</summary>
    public static ScanningConfiguration Default { get; } = new(Basic, []);

    /// <summary>What is wrong with it, or null: each type has its own frequencies (API reference, RegistryScanningRule).</summary>
    public RegistryError? Check()
    {
        string[] allowed = ScanType == Enhanced ? [OnPush, Continuous] : [OnPush, Manual];
        for (var i = 0; i < Rules.Count; i++)
        {
            if (!allowed.Contains(Rules[i].Frequency))
                return RegistrySettingsErrors.InvalidParameter($"rules.{i + 1}.member.scanFrequency", $"{ScanType} scanning takes {string.Join(" and ", allowed)}, not {Rules[i].Frequency}");
        }

        return null;
    }

    /// <summary>
    /// What holds for one repository (ecr-behaviour section 6): the rule with the strongest frequency that matches, and the filter that matched;
    /// in basic scanning also the repository's own deprecated setting.
    /// </summary>
    public RepositoryScanning For(RepositoryName name, bool scanOnPushOfRepository)
    {
        foreach (var frequency in (string[])[Continuous, OnPush])
        {
            foreach (var rule in Rules)
            {
                if (rule.Frequency != frequency) continue;
                foreach (var filter in rule.Filters)
                    if (Matches(filter, name.Value)) return new RepositoryScanning(frequency, ScanOnPush: true, filter);
            }
        }

        return ScanType == Basic && scanOnPushOfRepository
            ? new RepositoryScanning(OnPush, ScanOnPush: true, null)
            : new RepositoryScanning(Manual, ScanOnPush: false, null);
    }

    /// <summary>Without <c>*</c> a filter matches every name that contains it; with one it must match the whole name.</summary>
    private static bool Matches(string filter, string name) => filter.Contains('*', StringComparison.Ordinal)
        ? Wildcard.Matches(filter, name)
        : name.Contains(filter, StringComparison.Ordinal);
}

/// <summary>A rule of a <see cref="ScanningConfiguration"/>.</summary>
/// <param name="Frequency">One of its three constants.</param>
/// <param name="Filters">Wildcard filters, at most 100; a rule without any matches nothing.</param>
internal sealed record ScanningRule(string Frequency, IReadOnlyList<string> Filters);

/// <summary>How one repository is scanned.</summary>
/// <param name="Frequency">One of the constants of <see cref="ScanningConfiguration"/>.</param>
/// <param name="ScanOnPush">Whether a push is scanned.</param>
/// <param name="Filter">The filter of the registry that decided; null when none did.</param>
internal sealed record RepositoryScanning(string Frequency, bool ScanOnPush, string? Filter);

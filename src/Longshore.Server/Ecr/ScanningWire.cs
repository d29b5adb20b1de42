using Longshore.Core.Aws.Ecr;
using Longshore.Server.RegistrySettings;

namespace Longshore.Server.Ecr;

/// <summary>Scanning configurations between wire and settings.</summary>
internal static class ScanningWire
{
    /// <summary>The shape <c>RegistryScanningConfiguration</c>.</summary>
    public static RegistryScanningConfiguration ToWire(this ScanningConfiguration configuration) => new()
    {
        ScanType = configuration.ScanType,
        Rules = [.. configuration.Rules.Select(rule => new RegistryScanningRule
        {
            ScanFrequency = rule.Frequency,
            RepositoryFilters = [.. rule.Filters.Select(ToWire)],
        })],
    };

    /// <summary>A filter; there is one type of them.</summary>
    public static ScanningRepositoryFilter ToWire(string filter) => new() { Filter = filter, FilterType = ScanningRepositoryFilterTypeValues.Wildcard };
}

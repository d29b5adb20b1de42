using Longshore.Server.Management.Collection;
using Longshore.Server.Management.Lifecycle;
using Longshore.Server.Management.Recycling;
using Longshore.Server.Management.Settings;

namespace Longshore.Server.Management;

/// <summary>Every operation of <c>/longshore/v1</c>: one line a slice. <c>docs/openapi.json</c> is compared to this table by a test.</summary>
internal static class ManagementOperationTable
{
    /// <summary>All operations, in the order of the OpenAPI document.</summary>
    public static IReadOnlyList<ManagementOperation> All { get; } =
    [
        .. SettingsOperations.All,
        .. RecyclingOperations.All,
        .. CollectionOperations.All,
        .. LifecycleOperations.All,
    ];
}

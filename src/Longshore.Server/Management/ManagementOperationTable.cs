using Longshore.Server.Management.Access;
using Longshore.Server.Management.Accounts;
using Longshore.Server.Management.Collection;
using Longshore.Server.Management.Images;
using Longshore.Server.Management.Lifecycle;
using Longshore.Server.Management.Protection;
using Longshore.Server.Management.Recycling;
using Longshore.Server.Management.Sessions;
using Longshore.Server.Management.Settings;
using Longshore.Server.Management.Trail;
using Longshore.Server.Management.Usage;

namespace Longshore.Server.Management;

/// <summary>Every operation of <c>/longshore/v1</c>: one line a slice. <c>docs/openapi.json</c> is compared to this table by a test.</summary>
internal static class ManagementOperationTable
{
    /// <summary>All operations, in the order of the OpenAPI document.</summary>
    public static IReadOnlyList<ManagementOperation> All { get; } =
    [
        .. SettingsOperations.All,
        .. ProtectionOperations.All,
        .. UsageOperations.All,
        .. RemovalOperations.All,
        .. HistoryOperations.All,
        .. RecyclingOperations.All,
        .. CollectionOperations.All,
        .. LifecycleOperations.All,
        .. TrailOperations.All,
        .. AccountOperations.All,
        .. AccessOperations.All,
        .. SessionOperations.All,
    ];
}

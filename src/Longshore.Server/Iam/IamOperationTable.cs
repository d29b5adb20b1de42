using System.Collections.Frozen;
using Longshore.Server.Iam.Operations;

namespace Longshore.Server.Iam;

/// <summary>Every operation of IAM that is offered: one line a group. <c>docs/compatibility.md</c> is compared to this table by a test.</summary>
internal static class IamOperationTable
{
    /// <summary>The operations by name; names are case-sensitive.</summary>
    public static FrozenDictionary<string, IamOperation> All { get; } = new[]
    {
        Users.All,
        Groups.All,
        Roles.All,
        AccessKeys.All,
        InlinePolicies.All,
        ManagedPolicies.All,
        PolicyVersions.All,
        Attachments.All,
        Boundaries.All,
        OidcProviders.All,
        Absent.All,
        Simulation.All,
        Account.All,
    }.SelectMany(static group => group).ToFrozenDictionary(static operation => operation.Wire.Name, StringComparer.Ordinal);
}

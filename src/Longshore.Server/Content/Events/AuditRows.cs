using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Events;

/// <summary>CloudTrail-shaped records of what the service itself did, such as <c>PolicyExecutionEvent</c> (ecr-behaviour section 7).</summary>
internal static class AuditRows
{
    /// <summary>Writes one record, in the transaction of what it tells of.</summary>
    /// <param name="session">That transaction.</param>
    /// <param name="registry">Where it happened.</param>
    /// <param name="eventName">CloudTrail's eventName.</param>
    /// <param name="now">When.</param>
    /// <param name="record">The whole record, a JSON object.</param>
    public static async ValueTask InsertAsync(DbSession session, RegistryId registry, string eventName, DateTimeOffset now, string record) => await session.ExecuteAsync(
        "INSERT INTO audit_records (account, region, event_name, occurred_at, record) VALUES (@account, @region, @name, @now, @record)",
        ("@account", registry.Account),
        ("@region", registry.Region),
        ("@name", eventName),
        ("@now", now.ToDatabase()),
        ("@record", record));
}

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

    /// <summary>Records behind a position, in the order in which they were written.</summary>
    public static ValueTask<List<AuditRow>> ReadAfterAsync(DbSession session, long after, int limit) => session.QueryAsync(
        "SELECT id, account, region, event_name, occurred_at, record FROM audit_records WHERE id > @after ORDER BY id LIMIT @limit",
        static row => new AuditRow(row.GetInt64(0), new RegistryId(row.GetString(1), row.GetString(2)), row.GetString(3), row.GetTime(4), row.GetString(5)),
        ("@after", after),
        ("@limit", (long)limit));

    /// <summary>Removes records that are kept elsewhere: up to a position, and older than a time. Gives their number, at most <paramref name="limit"/>.</summary>
    public static ValueTask<int> TrimAsync(DbSession session, long upTo, DateTimeOffset before, int limit) => session.ExecuteAsync(
        "DELETE FROM audit_records WHERE id IN (SELECT id FROM audit_records WHERE id <= @upTo AND occurred_at < @before ORDER BY id LIMIT @limit)",
        ("@upTo", upTo),
        ("@before", before.ToDatabase()),
        ("@limit", (long)limit));
}

/// <summary>A record of what the service itself did.</summary>
/// <param name="Id">Its position.</param>
/// <param name="Registry">Where it happened.</param>
/// <param name="EventName">CloudTrail's eventName.</param>
/// <param name="At">When.</param>
/// <param name="Record">The whole record, a JSON object.</param>
internal sealed record AuditRow(long Id, RegistryId Registry, string EventName, DateTimeOffset At, string Record);

using Longshore.Core;
using Longshore.Core.Lifecycle;
using Longshore.Server.Content;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Protection;

/// <summary>A part of a report, or all of it.</summary>
/// <param name="Source">Who reports.</param>
/// <param name="TimeToLive">How long the report is good.</param>
/// <param name="Covers">Repositories of which the source says all that runs.</param>
/// <param name="Records">What runs.</param>
/// <param name="Report">The report that this part belongs to; null for the first part.</param>
/// <param name="More">Whether further parts follow; the report counts with its last part.</param>
internal sealed record UsageReport(string Source, TimeSpan TimeToLive, IReadOnlyList<string> Covers, IReadOnlyList<UsageEntry> Records, long? Report, bool More);

/// <summary>That one image runs: by its digest, or by a tag that is looked up when the report comes.</summary>
internal sealed record UsageEntry(RepositoryName Repository, Digest? Digest, TagName? Tag, Workload Workload);

/// <summary>What came of a part.</summary>
/// <param name="Report">The report's number.</param>
/// <param name="Records">Its records so far.</param>
/// <param name="Unresolved">Entries of this part whose tag is on no image: nothing is kept for them.</param>
/// <param name="Complete">Whether the report counts now.</param>
internal sealed record UsageReceipt(long Report, long Records, IReadOnlyList<UsageEntry> Unresolved, bool Complete);

/// <summary>A record of a source's current report.</summary>
internal sealed record UsageRecord(string Repository, string Digest, long Position, Workload Workload);

/// <summary>
/// Reports of what runs. A report is written beside the current one, in batches, and takes its place in one transaction; what is no longer current is
/// deleted in batches afterwards.
/// </summary>
internal sealed class UsageReports(IDatabase database, TimeProvider time)
{
    /// <summary>Rows written or deleted in one transaction: other writers wait no longer than that.</summary>
    private const int Batch = 2_000;

    /// <summary>Takes up a part of a report. InvalidParameter, LimitExceeded.</summary>
    public async ValueTask<Outcome<UsageReceipt>> PutAsync(RegistryId registry, UsageReport report, CancellationToken cancellationToken)
    {
        if (ProtectionRules.Check(report) is { } wrong) return wrong;
        if (!(await BeginAsync(registry, report, cancellationToken)).TryGet(out var pending, out var error)) return error;
        // What an interrupted report left behind goes before there is more.
        await CleanAsync(pending.SourceId, cancellationToken);
        var unresolved = new List<UsageEntry>();
        foreach (var entries in report.Records.Chunk(Batch))
        {
            var written = await database.WriteAsync(Durability.Relaxed, session => WriteAsync(session, registry, pending, entries), cancellationToken);
            if (written is null) return ProtectionErrors.ReportUnknown(report.Source);
            unresolved.AddRange(written);
        }

        var records = await database.WriteAsync<long?>(Durability.Synced, session => EndAsync(session, report, pending), cancellationToken);
        if (records is null) return ProtectionErrors.ReportUnknown(report.Source);
        if (!report.More) await CleanAsync(pending.SourceId, cancellationToken);
        return new UsageReceipt(pending.Report, records.Value, unresolved, !report.More);
    }

    /// <summary>Sources in order of their names.</summary>
    public ValueTask<List<UsageSource>> ListAsync(RegistryId registry, string? after, int limit, CancellationToken cancellationToken) =>
        database.ReadAsync(session => UsageRows.ListSourcesAsync(session, registry, after ?? "", limit), cancellationToken);

    /// <summary>A source. UsageSourceNotFound.</summary>
    public async ValueTask<Outcome<UsageSource>> GetAsync(RegistryId registry, string name, CancellationToken cancellationToken) =>
        await database.ReadAsync(session => UsageRows.FindSourceAsync(session, registry, name), cancellationToken) is { } source ? source : ProtectionErrors.SourceNotFound(name);

    /// <summary>Records of a source's current report by repository and digest, those after a position. UsageSourceNotFound.</summary>
    public ValueTask<Outcome<List<UsageRecord>>> ListRecordsAsync(
        RegistryId registry, string name, RepositoryName? repository, (string Repository, string Digest, long Position) after, int limit, CancellationToken cancellationToken) =>
        database.ReadSnapshotAsync<Outcome<List<UsageRecord>>>(
            async session => await UsageRows.FindSourceAsync(session, registry, name) is { } source
                ? await UsageRows.ListRecordsAsync(session, source, repository, after, limit)
                : ProtectionErrors.SourceNotFound(name),
            cancellationToken);

    /// <summary>Forgets a source and what it said. UsageSourceNotFound.</summary>
    public async ValueTask<Outcome<Done>> DeleteAsync(RegistryId registry, string name, CancellationToken cancellationToken)
    {
        // It counts for nothing from here on; its rows go in batches, and those that a kill leaves go with the next report or delete under its name.
        var id = await database.WriteAsync(
            Durability.Synced,
            session => session.QueryFirstAsync<long?>(
                """
                UPDATE usage_sources SET removed = 1, current_report = 0, current_records = 0, pending_report = 0, pending_records = 0
                WHERE account = @account AND region = @region AND name = @name
                RETURNING id
                """,
                static row => row.GetInt64(0),
                ("@account", registry.Account),
                ("@region", registry.Region),
                ("@name", name)),
            cancellationToken);
        if (id is null) return ProtectionErrors.SourceNotFound(name);
        await CleanAsync(id.Value, cancellationToken);
        await database.WriteAsync(
            Durability.Relaxed,
            session => UsageRows.DropRemovedAsync(session, id.Value),
            cancellationToken);
        return Done.Value;
    }

    private async ValueTask<Outcome<Pending>> BeginAsync(RegistryId registry, UsageReport report, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        return await database.WriteAsync<Outcome<Pending>>(
            Durability.Relaxed,
            async session =>
            {
                if (report.Report is { } number)
                {
                    var source = await session.QueryFirstAsync<long?>(
                        "SELECT id FROM usage_sources WHERE account = @account AND region = @region AND name = @name AND pending_report = @report",
                        static row => row.GetInt64(0),
                        ("@account", registry.Account),
                        ("@region", registry.Region),
                        ("@name", report.Source),
                        ("@report", number));
                    return source is { } known && number > 0 ? new Pending(known, number) : ProtectionErrors.ReportUnknown(report.Source);
                }

                var begun = await session.QueryFirstAsync<Pending?>(
                    """
                    UPDATE usage_sources SET last_report = last_report + 1, pending_report = last_report + 1, pending_records = 0
                    WHERE account = @account AND region = @region AND name = @name
                    RETURNING id, pending_report
                    """,
                    static row => new Pending(row.GetInt64(0), row.GetInt64(1)),
                    ("@account", registry.Account),
                    ("@region", registry.Region),
                    ("@name", report.Source));
                if (begun is { } there) return there;
                var sources = await session.QueryFirstAsync(
                    "SELECT COUNT(*) FROM usage_sources WHERE account = @account AND region = @region",
                    static row => row.GetInt64(0),
                    ("@account", registry.Account),
                    ("@region", registry.Region));
                if (sources >= UsageRows.MaxSources) return ProtectionErrors.TooManySources(UsageRows.MaxSources);
                // Not seen by anyone until its first report is complete.
                return await session.QueryFirstAsync(
                    """
                    INSERT INTO usage_sources (account, region, name, covers, ttl_seconds, created_at, last_report_at, last_report, current_report, current_records,
                        pending_report, pending_records, removed)
                    VALUES (@account, @region, @name, '', 0, @now, @now, 1, 0, 0, 1, 0, 1)
                    RETURNING id, pending_report
                    """,
                    static row => new Pending(row.GetInt64(0), row.GetInt64(1)),
                    ("@account", registry.Account),
                    ("@region", registry.Region),
                    ("@name", report.Source),
                    ("@now", now.ToDatabase()));
            },
            cancellationToken);
    }

    /// <summary>Writes a batch; the entries whose tag is on no image, or null when the report is no longer the pending one.</summary>
    private static async ValueTask<List<UsageEntry>?> WriteAsync(DbSession session, RegistryId registry, Pending pending, UsageEntry[] entries)
    {
        var position = await session.QueryFirstAsync<long?>(
            "UPDATE usage_sources SET pending_records = pending_records + @count WHERE id = @source AND pending_report = @report RETURNING pending_records",
            static row => row.GetInt64(0),
            ("@count", (long)entries.Length),
            ("@source", pending.SourceId),
            ("@report", pending.Report)) - entries.Length;
        if (position is not { } next) return null;
        var unresolved = new List<UsageEntry>();
        var ids = new Dictionary<RepositoryName, long?>();
        foreach (var entry in entries)
        {
            var digest = entry.Digest ?? await ResolveAsync(session, registry, entry.Repository, entry.Tag!.Value, ids);
            if (digest is not { } found)
            {
                unresolved.Add(entry);
                continue;
            }

            await session.ExecuteAsync(
                """
                INSERT INTO usage_records (source_id, report, repository, digest, position, kind, cluster, namespace, name)
                VALUES (@source, @report, @repository, @digest, @position, @kind, @cluster, @namespace, @name)
                """,
                ("@source", pending.SourceId),
                ("@report", pending.Report),
                ("@repository", entry.Repository.Value),
                ("@digest", found.Value),
                ("@position", next++),
                ("@kind", entry.Workload.Kind),
                ("@cluster", entry.Workload.Cluster),
                ("@namespace", entry.Workload.Namespace),
                ("@name", entry.Workload.Name));
        }

        if (unresolved.Count > 0)
        {
            await session.ExecuteAsync(
                "UPDATE usage_sources SET pending_records = pending_records - @count WHERE id = @source",
                ("@count", (long)unresolved.Count),
                ("@source", pending.SourceId));
        }

        return unresolved;
    }

    /// <summary>Ends a part: the last one makes the report the current one. The report's records, or null when it is no longer the pending one.</summary>
    private ValueTask<long?> EndAsync(DbSession session, UsageReport report, Pending pending)
    {
        if (report.More)
        {
            return session.QueryFirstAsync<long?>(
                "SELECT pending_records FROM usage_sources WHERE id = @source AND pending_report = @report",
                static row => row.GetInt64(0),
                ("@source", pending.SourceId),
                ("@report", pending.Report));
        }

        return session.QueryFirstAsync<long?>(
            """
            UPDATE usage_sources SET current_report = pending_report, current_records = pending_records, pending_report = 0, pending_records = 0,
                covers = @covers, ttl_seconds = @ttl, last_report_at = @now, removed = 0
            WHERE id = @source AND pending_report = @report
            RETURNING current_records
            """,
            static row => row.GetInt64(0),
            ("@covers", string.Join('\n', report.Covers)),
            ("@ttl", (long)report.TimeToLive.TotalSeconds),
            ("@now", time.GetUtcNow().ToDatabase()),
            ("@source", pending.SourceId),
            ("@report", pending.Report));
    }

    private async ValueTask CleanAsync(long sourceId, CancellationToken cancellationToken)
    {
        while (await database.WriteAsync(Durability.Relaxed, session => UsageRows.DeleteOutdatedAsync(session, sourceId, Batch), cancellationToken) > 0)
        {
            // The next batch.
        }
    }

    private static async ValueTask<Digest?> ResolveAsync(DbSession session, RegistryId registry, RepositoryName name, TagName tag, Dictionary<RepositoryName, long?> ids)
    {
        if (!ids.TryGetValue(name, out var id)) ids.Add(name, id = await session.FindIdAsync(registry, name));
        return id is { } repository ? (await ImageRows.FindIdAsync(session, repository, new ImageId(null, tag)))?.Digest : null;
    }

    private readonly record struct Pending(long SourceId, long Report);
}

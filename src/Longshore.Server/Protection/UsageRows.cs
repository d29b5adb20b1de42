using System.Data.Common;
using Longshore.Core;
using Longshore.Core.Lifecycle;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Protection;

/// <summary>A usage source as its row has it.</summary>
internal sealed record UsageSource(
    long Id, string Name, IReadOnlyList<string> Covers, TimeSpan TimeToLive, DateTimeOffset CreatedAt, DateTimeOffset LastReportAt, long CurrentReport, long Records)
{
    /// <summary>Whether it has been silent beyond its time to live.</summary>
    public bool IsStale(DateTimeOffset now) => StaleSource.IsStale(LastReportAt, TimeToLive, now);

    /// <summary>As it is told of when it is silent.</summary>
    public StaleSource AsStale() => new(Name, LastReportAt, TimeToLive);

    /// <summary>Whether it says what runs of this repository.</summary>
    public bool CoversRepository(RepositoryName name) => Covers.Any(pattern => Wildcard.Matches(pattern, name.Value));
}

/// <summary>How usage sources and their records stand in the database.</summary>
internal static class UsageRows
{
    /// <summary>Most sources of a registry.</summary>
    public const int MaxSources = 1_000;

    private const string Columns = "id, name, covers, ttl_seconds, created_at, last_report_at, current_report, current_records";
    private const long Page = 2_000;

    /// <summary>Sources in order of their names, those after <paramref name="after"/>.</summary>
    public static ValueTask<List<UsageSource>> ListSourcesAsync(DbSession session, RegistryId registry, string after = "", int limit = MaxSources) => session.QueryAsync(
        $"SELECT {Columns} FROM usage_sources WHERE account = @account AND region = @region AND name > @after AND removed = 0 ORDER BY name LIMIT @limit",
        Read,
        ("@account", registry.Account),
        ("@region", registry.Region),
        ("@after", after),
        ("@limit", (long)limit));

    /// <summary>A source, or null.</summary>
    public static ValueTask<UsageSource?> FindSourceAsync(DbSession session, RegistryId registry, string name) => session.QueryFirstAsync(
        $"SELECT {Columns} FROM usage_sources WHERE account = @account AND region = @region AND name = @name AND removed = 0",
        Read,
        ("@account", registry.Account),
        ("@region", registry.Region),
        ("@name", name));

    /// <summary>Takes up all that a source's current report says of a repository, by pages.</summary>
    public static async ValueTask CollectAsync(DbSession session, UsageSource source, RepositoryName repository, ImageUses uses)
    {
        var (digest, position) = ("", 0L);
        while (true)
        {
            var rows = await session.QueryAsync(
                """
                SELECT digest, position, kind, cluster, namespace, name FROM usage_records
                WHERE source_id = @source AND report = @report AND repository = @repository AND (digest, position) > (@digest, @position)
                ORDER BY digest, position LIMIT @limit
                """,
                static row => (Digest: row.GetString(0), Position: row.GetInt64(1), Workload: ReadWorkload(row, 2)),
                ("@source", source.Id),
                ("@report", source.CurrentReport),
                ("@repository", repository.Value),
                ("@digest", digest),
                ("@position", position),
                ("@limit", Page));
            foreach (var row in rows) uses.Report(row.Digest, new ImageUser(source.Name, row.Workload));
            if (rows.Count < Page) return;
            (digest, position, _) = rows[^1];
        }
    }

    /// <summary>Some of what a source's current report says of an image.</summary>
    public static ValueTask<List<Workload>> FirstOfAsync(DbSession session, UsageSource source, RepositoryName repository, string digest) => session.QueryAsync(
        """
        SELECT kind, cluster, namespace, name FROM usage_records
        WHERE source_id = @source AND report = @report AND repository = @repository AND digest = @digest ORDER BY position LIMIT @limit
        """,
        static row => ReadWorkload(row, 0),
        ("@source", source.Id),
        ("@report", source.CurrentReport),
        ("@repository", repository.Value),
        ("@digest", digest),
        ("@limit", (long)ImageUse.MostListed));

    /// <summary>Records of a source's current report in order of repository, digest and position, of one repository when one is given.</summary>
    public static ValueTask<List<UsageRecord>> ListRecordsAsync(
        DbSession session, UsageSource source, RepositoryName? repository, (string Repository, string Digest, long Position) after, int limit)
    {
        if (repository is { } name)
        {
            return session.QueryAsync(
                """
                SELECT repository, digest, position, kind, cluster, namespace, name FROM usage_records
                WHERE source_id = @source AND report = @report AND repository = @repository AND (digest, position) > (@digest, @position)
                ORDER BY digest, position LIMIT @limit
                """,
                ReadRecord,
                ("@source", source.Id),
                ("@report", source.CurrentReport),
                ("@repository", name.Value),
                ("@digest", after.Digest),
                ("@position", after.Position),
                ("@limit", (long)limit));
        }

        return session.QueryAsync(
            """
            SELECT repository, digest, position, kind, cluster, namespace, name FROM usage_records
            WHERE source_id = @source AND report = @report AND (repository, digest, position) > (@repository, @digest, @position)
            ORDER BY repository, digest, position LIMIT @limit
            """,
            ReadRecord,
            ("@source", source.Id),
            ("@report", source.CurrentReport),
            ("@repository", after.Repository),
            ("@digest", after.Digest),
            ("@position", after.Position),
            ("@limit", (long)limit));
    }

    /// <summary>Deletes records of a source that are neither of its current report nor of the pending one; gives how many, 0 when there are none left.</summary>
    public static async ValueTask<int> DeleteOutdatedAsync(DbSession session, long sourceId, int limit)
    {
        var kept = await session.QueryFirstAsync(
            "SELECT current_report, pending_report FROM usage_sources WHERE id = @source", static row => (Current: row.GetInt64(0), Pending: row.GetInt64(1)), ("@source", sourceId));
        for (long? report = 0; report is { } after;)
        {
            // From report to report, each by one seek: those that stay may be large.
            report = await session.QueryFirstAsync<long?>(
                "SELECT report FROM usage_records WHERE source_id = @source AND report > @after ORDER BY report LIMIT 1",
                static row => row.GetInt64(0),
                ("@source", sourceId),
                ("@after", after));
            if (report is not { } found || found == kept.Current || found == kept.Pending) continue;
            return await session.ExecuteAsync(
                """
                DELETE FROM usage_records WHERE (source_id, report, repository, digest, position) IN (
                    SELECT source_id, report, repository, digest, position FROM usage_records WHERE source_id = @source AND report = @report LIMIT @limit)
                """,
                ("@source", sourceId),
                ("@report", found),
                ("@limit", (long)limit));
        }

        return 0;
    }

    /// <summary>Drops the row of a source that was deleted, or never completed a report, once it has no records.</summary>
    public static ValueTask<int> DropRemovedAsync(DbSession session, long sourceId) => session.ExecuteAsync(
        "DELETE FROM usage_sources WHERE id = @id AND removed = 1 AND pending_report = 0 AND NOT EXISTS (SELECT 1 FROM usage_records WHERE source_id = @id)",
        ("@id", sourceId));

    private static UsageRecord ReadRecord(DbDataReader row) => new(row.GetString(0), row.GetString(1), row.GetInt64(2), ReadWorkload(row, 3));

    /// <summary>A workload in four columns from <paramref name="at"/> on.</summary>
    public static Workload ReadWorkload(DbDataReader row, int at) =>
        new(row.GetStringOrNull(at), row.GetStringOrNull(at + 1), row.GetStringOrNull(at + 2), row.GetStringOrNull(at + 3));

    private static UsageSource Read(DbDataReader row) => new(
        row.GetInt64(0),
        row.GetString(1),
        row.GetString(2).Split('\n'),
        TimeSpan.FromSeconds(row.GetInt64(3)),
        row.GetTime(4),
        row.GetTime(5),
        row.GetInt64(6),
        row.GetInt64(7));
}

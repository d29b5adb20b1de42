using System.Data.Common;
using Longshore.Core;
using Longshore.Core.Lifecycle;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Protection;

/// <summary>How protections stand in the database, and how those of one repository are found among any number.</summary>
internal static class ProtectionRows
{
    public const string Columns = "id, repository, kind, target, owner, reason, ends_at, created_at, created_by, updated_at";

    private const long Page = 1_000;

    /// <summary>
    /// The repository patterns of a registry's protections that match a name. The literal beginnings that are beginnings of the name are found from the
    /// longest to the shortest, each by one seek in the index, however many patterns there are.
    /// </summary>
    public static async ValueTask<List<string>> PatternsOfAsync(DbSession session, RegistryId registry, RepositoryName name)
    {
        var patterns = new List<string>();
        string? bound = name.Value;
        while (bound is not null)
        {
            var prefix = await session.QueryFirstAsync(
                """
                SELECT repository_prefix FROM protections
                WHERE account = @account AND region = @region AND repository_prefix <= @bound ORDER BY repository_prefix DESC LIMIT 1
                """,
                static row => row.GetString(0),
                ("@account", registry.Account),
                ("@region", registry.Region),
                ("@bound", bound));
            if (prefix is null) break;
            if (name.Value.StartsWith(prefix, StringComparison.Ordinal)) await AddPatternsAsync(session, registry, prefix, name, patterns);
            bound = NextBound(name.Value, prefix);
        }

        return patterns;
    }

    /// <summary>Protections that count of one pattern, kind and target's beginning, those with ids after <paramref name="after"/>.</summary>
    /// <remarks>The order names columns that are constant here, and the bounds are a pair: else SQLite takes the primary key, and reads the whole registry's.</remarks>
    public static ValueTask<List<StoredProtection>> ListActiveAsync(DbSession session, RegistryId registry, string pattern, ProtectionKind kind, string prefix, string after, DateTimeOffset now) =>
        session.QueryAsync(
            $"""
            SELECT {Columns} FROM protections
            WHERE account = @account AND region = @region AND repository_prefix = @start AND repository = @repository AND kind = @kind
              AND (target_prefix, id) > (@prefix, @after) AND target_prefix <= @prefix AND (ends_at IS NULL OR ends_at > @now)
            ORDER BY target_prefix, id LIMIT @limit
            """,
            Read,
            ("@account", registry.Account),
            ("@region", registry.Region),
            ("@start", PrefixOf(pattern)),
            ("@repository", pattern),
            ("@kind", (long)kind),
            ("@prefix", prefix),
            ("@after", after),
            ("@now", now.ToDatabase()),
            ("@limit", Page));

    /// <summary>The protection of one pattern, kind and target's beginning that matches and lasts longest.</summary>
    public static async ValueTask<ImageProtection?> StrongestAsync(
        DbSession session, RegistryId registry, string pattern, ProtectionKind kind, string prefix, string? tag, DateTimeOffset now)
    {
        ImageProtection? best = null;
        var after = "";
        while (true)
        {
            var rows = await ListActiveAsync(session, registry, pattern, kind, prefix, after, now);
            foreach (var row in rows)
                if ((tag is null || Wildcard.Matches(row.Protection.Target, tag)) && (best is null || row.Protection.Outlasts(best))) best = row.Protection;
            if (rows.Count < Page) return best;
            after = rows[^1].Protection.Id;
        }
    }

    /// <summary>The beginnings of a pattern's tag protections that are beginnings of a tag, from the longest to the shortest.</summary>
    public static async ValueTask<string?> TagPrefixAsync(DbSession session, RegistryId registry, string pattern, string bound) => await session.QueryFirstAsync(
        """
        SELECT target_prefix FROM protections
        WHERE account = @account AND region = @region AND repository_prefix = @start AND repository = @repository AND kind = @kind AND target_prefix <= @bound
        ORDER BY target_prefix DESC LIMIT 1
        """,
        static row => row.GetString(0),
        ("@account", registry.Account),
        ("@region", registry.Region),
        ("@start", PrefixOf(pattern)),
        ("@repository", pattern),
        ("@kind", (long)ProtectionKind.Tag),
        ("@bound", bound));

    /// <summary>All that count of one pattern, in pages of the index: kind, target's beginning, id.</summary>
    public static async ValueTask<List<StoredProtection>> ListActiveAsync(DbSession session, RegistryId registry, string pattern, (long Kind, string Prefix, string Id) after, DateTimeOffset now) =>
        await session.QueryAsync(
            $"""
            SELECT {Columns} FROM protections
            WHERE account = @account AND region = @region AND repository_prefix = @start AND repository = @repository
              AND (kind, target_prefix, id) > (@kind, @prefix, @after) AND (ends_at IS NULL OR ends_at > @now)
            ORDER BY kind, target_prefix, id LIMIT @limit
            """,
            Read,
            ("@account", registry.Account),
            ("@region", registry.Region),
            ("@start", PrefixOf(pattern)),
            ("@repository", pattern),
            ("@kind", after.Kind),
            ("@prefix", after.Prefix),
            ("@after", after.Id),
            ("@now", now.ToDatabase()),
            ("@limit", Page));

    /// <summary>Whether a page may have another one after it.</summary>
    public static bool IsFull(List<StoredProtection> page) => page.Count == Page;

    /// <summary>What stands before the first star; all of it when there is none.</summary>
    public static string PrefixOf(string pattern) => pattern.IndexOf('*', StringComparison.Ordinal) is >= 0 and var star ? pattern[..star] : pattern;

    /// <summary>
    /// Where to look for the next shorter beginning of a text, after the greatest one not above the last bound was found: a beginning that is longer than
    /// what the two have in common would have been greater.
    /// </summary>
    public static string? NextBound(string text, string found)
    {
        var common = text.AsSpan().CommonPrefixLength(found);
        if (common < found.Length) return text[..common];
        return found.Length == 0 ? null : found[..^1];
    }

    /// <summary>Reads <see cref="Columns"/>.</summary>
    public static StoredProtection Read(DbDataReader row) => new(
        new ImageProtection(row.GetString(0), (ProtectionKind)row.GetInt64(2), row.GetString(1), row.GetString(3), row.GetString(4), row.GetString(5), row.GetTimeOrNull(6)),
        row.GetTime(7),
        row.GetString(8),
        row.GetTime(9));

    // Several patterns may begin alike, and one may have very many protections: each pattern is one seek.
    private static async ValueTask AddPatternsAsync(DbSession session, RegistryId registry, string prefix, RepositoryName name, List<string> patterns)
    {
        string? after = "";
        while (after is not null)
        {
            after = await session.QueryFirstAsync(
                """
                SELECT repository FROM protections
                WHERE account = @account AND region = @region AND repository_prefix = @prefix AND repository > @after ORDER BY repository LIMIT 1
                """,
                static row => row.GetString(0),
                ("@account", registry.Account),
                ("@region", registry.Region),
                ("@prefix", prefix),
                ("@after", after));
            if (after is not null && Wildcard.Matches(after, name.Value)) patterns.Add(after);
        }
    }
}

/// <summary>A protection with what is only told of it.</summary>
internal sealed record StoredProtection(ImageProtection Protection, DateTimeOffset CreatedAt, string CreatedBy, DateTimeOffset UpdatedAt);

using System.Globalization;
using Longshore.Storage.Metadata;

namespace Longshore.Generator;

/// <summary>Leaves work behind for the server's background jobs, as much as a large registry has after a day.</summary>
internal static class Chores
{
    private const int Batch = 5_000;

    /// <summary>Bodies that nothing names, each linked to a repository with a lease that is over.</summary>
    public static async Task AddLeftoversAsync(IDatabase database, int count, long now, CancellationToken cancellationToken)
    {
        var blobs = new BulkRows("blobs", "id", "digest", "generation", "size", "location", "state", "stored_at");
        var links = new BulkRows("repository_blobs", "repository_id", "blob_id", "linked_at", "leased_until");
        var (last, repositories) = await database.ReadAsync(
            static async session => (
                await session.QueryFirstAsync("SELECT MAX(id) FROM blobs", static row => row.GetInt64(0)),
                await session.QueryFirstAsync("SELECT MAX(id) FROM repositories", static row => row.GetInt64(0))),
            cancellationToken);
        for (var i = 1; i <= count; i++)
        {
            var hex = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(BitConverter.GetBytes(last + i)));
            blobs.Add(last + i, "sha256:" + hex, 1L, 1000L, $"sha256/{hex.AsSpan(0, 2)}/{hex}.1", 0L, now);
            links.Add((i % repositories) + 1, last + i, now, now - 1);
            if (i % Batch == 0 || i == count) await FlushAsync(database, "blobs", cancellationToken, blobs, links);
        }
    }

    /// <summary>Uploads whose time is over.</summary>
    public static async Task AddUploadsAsync(IDatabase database, int count, long now, CancellationToken cancellationToken)
    {
        var uploads = new BulkRows("uploads", "id", "repository_id", "received", "version", "part_state", "started_at", "expires_at");
        for (var i = 1; i <= count; i++)
        {
            uploads.Add(FormattableString.Invariant($"generated-{now}-{i}"), 1L, 0L, 0L, 0L, now - 1_000_000, now - 1);
            if (i % Batch == 0 || i == count) await FlushAsync(database, null, cancellationToken, uploads);
        }
    }

    /// <summary>A policy for every repository but the wide one, due at once: it expires all images but the 95 pushed last.</summary>
    public static async Task AddPoliciesAsync(IDatabase database, long now, CancellationToken cancellationToken)
    {
        const string Text =
            """{"rules":[{"rulePriority":1,"description":"made by bench/scale","selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":95},"action":{"type":"expire"}}]}""";
        await database.WriteAsync(
            Durability.Relaxed,
            async session =>
            {
                await session.ExecuteAsync(
                    """
                    INSERT INTO lifecycle_policies (repository_id, policy_id, version, policy_text, updated_at)
                    SELECT id, 'p', 1, @text, @now FROM repositories WHERE name <> 'wide'
                    """,
                    ("@text", Text),
                    ("@now", now));
                return await session.ExecuteAsync(
                    "INSERT INTO jobs (kind, name, due_at, attempts) SELECT 'lifecycle', CAST(repository_id AS TEXT), @now, 0 FROM lifecycle_policies",
                    ("@now", now));
            },
            cancellationToken);
    }

    /// <summary>Takes the policies and their jobs away again.</summary>
    public static async Task ClearPoliciesAsync(IDatabase database, CancellationToken cancellationToken) => await database.WriteAsync(
        Durability.Relaxed,
        static async session =>
        {
            await session.ExecuteAsync("DELETE FROM jobs WHERE kind = 'lifecycle'");
            return await session.ExecuteAsync("DELETE FROM lifecycle_policies");
        },
        cancellationToken);

    private static async Task FlushAsync(IDatabase database, string? table, CancellationToken cancellationToken, params BulkRows[] all) => await database.WriteAsync(
        Durability.Relaxed,
        async session =>
        {
            foreach (var rows in all) await rows.FlushAsync(session);
            if (database.IsShared && table is not null)
                await session.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT MAX(id) FROM {table}))"));
            return true;
        },
        cancellationToken);
}

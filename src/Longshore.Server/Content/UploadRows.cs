using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>An upload as its row tells it.</summary>
internal sealed record UploadRow(string Id, long RepositoryId, long Received, long Version, long PartState);

/// <summary>The rows of uploads.</summary>
internal static class UploadRows
{
    /// <summary>Begins an upload; false when there is no such repository.</summary>
    public static async ValueTask<bool> InsertAsync(DbSession session, RegistryId registry, RepositoryName name, string id, DateTimeOffset now, TimeSpan expiry) => await session.ExecuteAsync(
        """
        INSERT INTO uploads (id, repository_id, received, version, part_state, started_at, expires_at)
        SELECT @id, r.id, 0, 0, 0, @now, @expires FROM repositories r
        WHERE r.account = @account AND r.region = @region AND r.name = @name
        """,
        ("@id", id),
        ("@now", now.ToDatabase()),
        ("@expires", (now + expiry).ToDatabase()),
        ("@account", registry.Account),
        ("@region", registry.Region),
        ("@name", name.Value)) == 1;

    /// <summary>The upload, when it is this repository's and has not expired.</summary>
    public static ValueTask<UploadRow?> FindAsync(DbSession session, RegistryId registry, RepositoryName name, string id, DateTimeOffset now) => session.QueryFirstAsync(
        """
        SELECT u.repository_id, u.received, u.version, u.part_state
        FROM uploads u JOIN repositories r ON r.id = u.repository_id
        WHERE u.id = @id AND u.expires_at > @now AND r.account = @account AND r.region = @region AND r.name = @name
        """,
        row => new UploadRow(id, row.GetInt64(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3)),
        ("@id", id),
        ("@now", now.ToDatabase()),
        ("@account", registry.Account),
        ("@region", registry.Region),
        ("@name", name.Value));

    /// <summary>Moves an upload on, if nobody else did since it was read.</summary>
    public static async ValueTask<bool> AdvanceAsync(DbSession session, UploadRow upload, long received, long partState, DateTimeOffset expiresAt) => await session.ExecuteAsync(
        """
        UPDATE uploads SET received = @received, part_state = @part, version = version + 1, expires_at = @expires
        WHERE id = @id AND version = @version
        """,
        ("@received", received),
        ("@part", partState),
        ("@expires", expiresAt.ToDatabase()),
        ("@id", upload.Id),
        ("@version", upload.Version)) == 1;

    /// <summary>Ends an upload, if nobody else touched it since it was read.</summary>
    public static async ValueTask<bool> EndAsync(DbSession session, UploadRow upload) => await session.ExecuteAsync(
        "DELETE FROM uploads WHERE id = @id AND version = @version",
        ("@id", upload.Id),
        ("@version", upload.Version)) == 1;

    /// <summary>Uploads that nobody went on with, oldest first.</summary>
    public static ValueTask<List<string>> ListExpiredAsync(DbSession session, DateTimeOffset now, int limit) => session.QueryAsync(
        "SELECT id FROM uploads WHERE expires_at <= @now ORDER BY expires_at LIMIT @limit",
        static row => row.GetString(0),
        ("@now", now.ToDatabase()),
        ("@limit", (long)limit));

    /// <summary>Ends an upload that is still expired.</summary>
    public static async ValueTask<bool> ExpireAsync(DbSession session, string id, DateTimeOffset now) => await session.ExecuteAsync(
        "DELETE FROM uploads WHERE id = @id AND expires_at <= @now",
        ("@id", id),
        ("@now", now.ToDatabase())) == 1;

    /// <summary>Whether an upload is under way.</summary>
    public static async ValueTask<bool> ExistsAsync(DbSession session, string id) => await session.QueryFirstAsync(
        "SELECT 1 FROM uploads WHERE id = @id",
        static row => row.GetInt64(0),
        ("@id", id)) == 1;
}

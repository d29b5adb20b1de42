using System.Globalization;
using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>An upload as its row tells it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="RepositoryId">Whose it is.</param>
/// <param name="Received">Bytes that count.</param>
/// <param name="Version">Counts up at each change.</param>
/// <param name="PartState">ECR's rule of parts: <see cref="LayerParts"/>.</param>
/// <param name="Writing">Whether a request writes to it, or did when its server ended: <see cref="UploadTurns"/>.</param>
/// <param name="Body">Which of its keys has the bytes.</param>
internal sealed record UploadRow(string Id, long RepositoryId, long Received, long Version, long PartState, bool Writing, long Body)
{
    /// <summary>Its key in the store of bodies.</summary>
    public string Key => UploadRows.KeyOf(Id, Body);
}

/// <summary>An upload that nobody went on with.</summary>
internal readonly record struct ExpiredUpload(string Id, string Key);

/// <summary>The rows of uploads.</summary>
internal static class UploadRows
{
    private const int IdLength = 36;

    /// <summary>A key of an upload: the first one is its id.</summary>
    public static string KeyOf(string id, long body) => body == 0 ? id : string.Create(CultureInfo.InvariantCulture, $"{id}-{body}");

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
        SELECT u.repository_id, u.received, u.version, u.part_state, u.writing, u.body
        FROM uploads u JOIN repositories r ON r.id = u.repository_id
        WHERE u.id = @id AND u.expires_at > @now AND r.account = @account AND r.region = @region AND r.name = @name
        """,
        row => new UploadRow(id, row.GetInt64(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3), row.GetInt64(4) != 0, row.GetInt64(5)),
        ("@id", id),
        ("@now", now.ToDatabase()),
        ("@account", registry.Account),
        ("@region", registry.Region),
        ("@name", name.Value));

    /// <summary>Marks that a request writes to an upload, if nobody else touched it since it was read; and keeps it from expiring meanwhile.</summary>
    public static async ValueTask<bool> MarkAsync(DbSession session, UploadRow upload, DateTimeOffset expiresAt) => await session.ExecuteAsync(
        "UPDATE uploads SET writing = 1, version = version + 1, expires_at = @expires WHERE id = @id AND version = @version",
        ("@expires", expiresAt.ToDatabase()),
        ("@id", upload.Id),
        ("@version", upload.Version)) == 1;

    /// <summary>Takes the mark away again, if nobody else touched the upload since.</summary>
    public static async ValueTask<bool> UnmarkAsync(DbSession session, UploadRow upload) => await session.ExecuteAsync(
        "UPDATE uploads SET writing = 0, version = version + 1 WHERE id = @id AND version = @version",
        ("@id", upload.Id),
        ("@version", upload.Version)) == 1;

    /// <summary>Names another key as the one with the bytes, if nobody else touched the upload since it was read.</summary>
    public static async ValueTask<bool> MoveAsync(DbSession session, UploadRow upload, long body) => await session.ExecuteAsync(
        "UPDATE uploads SET body = @body, version = version + 1 WHERE id = @id AND version = @version",
        ("@body", body),
        ("@id", upload.Id),
        ("@version", upload.Version)) == 1;

    /// <summary>Moves an upload on, if nobody else did since it was read; its writer is done.</summary>
    public static async ValueTask<bool> AdvanceAsync(DbSession session, UploadRow upload, long received, long partState, DateTimeOffset expiresAt) => await session.ExecuteAsync(
        """
        UPDATE uploads SET received = @received, part_state = @part, writing = 0, version = version + 1, expires_at = @expires
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
    public static ValueTask<List<ExpiredUpload>> ListExpiredAsync(DbSession session, DateTimeOffset now, int limit) => session.QueryAsync(
        "SELECT id, body FROM uploads WHERE expires_at <= @now ORDER BY expires_at LIMIT @limit",
        static row => new ExpiredUpload(row.GetString(0), KeyOf(row.GetString(0), row.GetInt64(1))),
        ("@now", now.ToDatabase()),
        ("@limit", (long)limit));

    /// <summary>Ends an upload that is still expired.</summary>
    public static async ValueTask<bool> ExpireAsync(DbSession session, string id, DateTimeOffset now) => await session.ExecuteAsync(
        "DELETE FROM uploads WHERE id = @id AND expires_at <= @now",
        ("@id", id),
        ("@now", now.ToDatabase())) == 1;

    /// <summary>Whether the bytes under a key are those of an upload that is under way.</summary>
    public static async ValueTask<bool> HasBodyAsync(DbSession session, string key)
    {
        if (key.Length < IdLength) return false;
        var body = 0L;
        if (key.Length > IdLength && (key[IdLength] != '-' || !long.TryParse(key.AsSpan(IdLength + 1), NumberStyles.None, CultureInfo.InvariantCulture, out body))) return false;
        return await session.QueryFirstAsync(
            "SELECT 1 FROM uploads WHERE id = @id AND body = @body",
            static row => row.GetInt64(0),
            ("@id", key[..IdLength]),
            ("@body", body)) == 1;
    }
}

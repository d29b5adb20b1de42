using Longshore.Server.Content.Stores;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>What a copy of the database is, that has its bodies beside it in a new place.</summary>
internal static class RegistryCopies
{
    /// <summary>Ends what has nothing in the new place: unfinished uploads, notes of bodies that no row names, the ids of the stores.</summary>
    public static async ValueTask SettleAsync(IDatabase copy, CancellationToken cancellationToken) => await copy.WriteAsync(
        Durability.Synced,
        static async session => await session.ExecuteAsync("DELETE FROM uploads") + await session.ExecuteAsync("DELETE FROM loose_bodies")
            + await StoreArea.ForgetAsync(session),
        cancellationToken);

    /// <summary>A page of bodies by id. Those that a verification set aside are not among them.</summary>
    public static ValueTask<List<CopiedBody>> ListBodiesAsync(IDatabase database, long after, int limit, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync(
            "SELECT id, digest, generation, size, location FROM blobs WHERE id > @after AND state IN (0, 1) ORDER BY id LIMIT @limit",
            static row => new CopiedBody(row.GetInt64(0), ImageRows.DigestAt(row, 1), row.GetInt64(2), row.GetInt64(3), row.GetString(4)),
            ("@after", after),
            ("@limit", (long)limit)),
        cancellationToken);

    /// <summary>Whether the database names a body at this location.</summary>
    public static async ValueTask<bool> NamesAsync(IDatabase database, Core.Digest digest, string location, CancellationToken cancellationToken) => await database.ReadAsync(
        session => session.QueryFirstAsync(
            "SELECT 1 FROM blobs WHERE digest = @digest AND location = @location AND state IN (0, 1)",
            static row => row.GetInt64(0),
            ("@digest", digest.Value),
            ("@location", location)),
        cancellationToken) == 1;

    /// <summary>How much there is.</summary>
    public static async ValueTask<RegistryCounts> CountAsync(IDatabase database, CancellationToken cancellationToken) => (await database.ReadSnapshotAsync(
        session => session.QueryFirstAsync(
            """
            SELECT (SELECT COUNT(*) FROM repositories), (SELECT COUNT(*) FROM manifests), (SELECT COUNT(*) FROM tags),
                   (SELECT COUNT(*) FROM blobs WHERE state IN (0, 1)), (SELECT COALESCE(SUM(size), 0) FROM blobs WHERE state IN (0, 1)),
                   (SELECT MAX(number) FROM schema_migrations)
            """,
            static row => new RegistryCounts(row.GetInt64(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3), row.GetInt64(4), row.GetInt64(5))),
        cancellationToken))!;
}

/// <summary>A body that is to be copied.</summary>
/// <param name="Id">Its row.</param>
/// <param name="Digest">Its digest.</param>
/// <param name="Generation">Which of the bodies that this digest has had.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Location">Where it is.</param>
internal sealed record CopiedBody(long Id, Core.Digest Digest, long Generation, long Size, string Location);

/// <summary>How much a registry holds.</summary>
/// <param name="Repositories">Repositories.</param>
/// <param name="Images">Manifests.</param>
/// <param name="Tags">Tags.</param>
/// <param name="Bodies">Stored bodies.</param>
/// <param name="BodyBytes">Their bytes.</param>
/// <param name="Schema">The last migration.</param>
internal sealed record RegistryCounts(long Repositories, long Images, long Tags, long Bodies, long BodyBytes, long Schema);

using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>What an image that came from another registry brings along: when it was pushed there, and last pulled.</summary>
/// <param name="Digest">The image.</param>
/// <param name="PushedAt">When it was pushed.</param>
/// <param name="LastPulledAt">When it was last pulled; null for never.</param>
internal sealed record ImageTimes(Digest Digest, DateTimeOffset PushedAt, DateTimeOffset? LastPulledAt);

/// <summary>Tells images the times that they had where they came from, so that policies see their true age.</summary>
internal sealed class ImageHistory(IDatabase database, TimeProvider time)
{
    /// <summary>
    /// Moves the push time back to a given one; one that is not earlier changes nothing. The pull time becomes the later of what is recorded and
    /// what is given. So the same call twice, and calls in any order, come to the same. RepositoryNotFound, ManifestUnknown, InvalidParameter for times in
    /// the future.
    /// </summary>
    public async ValueTask<Outcome<ImageTimes>> SetAsync(
        RegistryId registry, RepositoryName name, Digest digest, DateTimeOffset? pushedAt, DateTimeOffset? lastPulledAt, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (pushedAt > now || lastPulledAt > now) return new RegistryError(ErrorCode.InvalidParameter, "The times of an image cannot lie in the future.");
        if (pushedAt < DateTimeOffset.UnixEpoch || lastPulledAt < DateTimeOffset.UnixEpoch) return new RegistryError(ErrorCode.InvalidParameter, "The times of an image cannot lie before 1970.");
        return await database.WriteAsync<Outcome<ImageTimes>>(
            Durability.Synced,
            async session =>
            {
                if (await session.FindAsync(registry, name) is not { } repository) return ContentErrors.RepositoryNotFound(registry, name);
                var image = new ImageId(digest, null);
                if (await ImageRows.FindIdAsync(session, repository.Id, image) is not { } found) return ContentErrors.ImageNotFound(registry, name, image);
                await session.ExecuteAsync(
                    """
                    UPDATE manifests SET
                        pushed_at = CASE WHEN @pushed < pushed_at THEN @pushed ELSE pushed_at END,
                        last_pulled_at = CASE WHEN @pulled > COALESCE(last_pulled_at, -1) THEN @pulled ELSE last_pulled_at END
                    WHERE id = @id
                    """,
                    ("@pushed", pushedAt?.ToDatabase() ?? long.MaxValue),
                    ("@pulled", lastPulledAt?.ToDatabase() ?? -1L),
                    ("@id", found.Id));
                return (await session.QueryFirstAsync(
                    "SELECT pushed_at, last_pulled_at FROM manifests WHERE id = @id",
                    row => new ImageTimes(digest, row.GetTime(0), row.GetTimeOrNull(1)),
                    ("@id", found.Id)))!;
            },
            cancellationToken);
    }
}

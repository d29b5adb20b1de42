using Longshore.Core;
using Longshore.Server.Content.Collection;
using Longshore.Server.Content.Events;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Recycling;

/// <summary>Who removes an image, and what becomes of it.</summary>
/// <param name="By">ARN of the caller, or <c>lifecycle</c>.</param>
/// <param name="PlanId">The plan that removes it: what collection frees of it is counted there; null when no plan does.</param>
/// <param name="Retention">How long it stays in the recycle bin; zero: it goes for good. See <see cref="RecycleBinSettings"/>.</param>
/// <param name="Now">When.</param>
/// <param name="Force">Whether it goes although it is protected.</param>
internal sealed record RemovalContext(string By, string? PlanId, TimeSpan Retention, DateTimeOffset Now, bool Force = false);

/// <summary>An image as a plan saw it: when anything of this has changed, the image stays.</summary>
/// <param name="Digest">Its digest.</param>
/// <param name="PushedAt">As the row has it.</param>
/// <param name="LastPulledAt">As the row has it. A pull is written about a second after it happened: <see cref="PullRecorder.FlushAsync"/> before the removal.</param>
/// <param name="TagsFingerprint">Of <see cref="ImageRemover.FingerprintOf"/>.</param>
internal sealed record ExpectedImage(Digest Digest, DateTimeOffset PushedAt, DateTimeOffset? LastPulledAt, string TagsFingerprint);

/// <summary>What came of a removal.</summary>
internal enum RemovalStatus
{
    /// <summary>The image is gone, for good or into the recycle bin.</summary>
    Removed,

    /// <summary>It was gone before.</summary>
    Missing,

    /// <summary>It is no longer as it was expected, and stays.</summary>
    Changed,

    /// <summary>An index lists it, and it stays.</summary>
    Referenced,

    /// <summary>It is protected, and stays.</summary>
    Protected,
}

/// <summary>What came of a removal.</summary>
/// <param name="Status">Removed, or why not.</param>
/// <param name="Tags">The tags that went with it, in byte order.</param>
/// <param name="ReferencedBy">Some of the indexes that list it.</param>
/// <param name="Change">What has changed: <c>digest</c>, <c>pushed</c>, <c>pulled</c> or <c>tags</c>; null unless the status is Changed.</param>
/// <param name="Refusal">By what it is protected, in words for people; null unless the status is Protected.</param>
internal sealed record RemovalResult(RemovalStatus Status, IReadOnlyList<string> Tags, IReadOnlyList<Digest> ReferencedBy, string? Change, RegistryError? Refusal = null)
{
    internal static RemovalResult Of(RemovalStatus status, string? change = null) => new(status, [], [], change);
}

/// <summary>
/// Removes images: the one way in which an image goes, whoever wants it, but for the deletion of a whole repository. Into the recycle bin, where
/// its bodies stay referenced, or for good. Events are written with it.
/// </summary>
internal sealed class ImageRemover(ContentOptions options, IRemovalGuard guard)
{
    /// <summary>
    /// Removes an image in the caller's transaction, unless an index lists it, it is not as expected or, without force, something protects it.
    /// </summary>
    /// <param name="session">The transaction.</param>
    /// <param name="repository">Its repository.</param>
    /// <param name="manifestId">Its row.</param>
    /// <param name="context">Who, and what becomes of it.</param>
    /// <param name="expected">How it must be; null: whatever it is.</param>
    public async ValueTask<RemovalResult> RemoveAsync(DbSession session, Repository repository, long manifestId, RemovalContext context, ExpectedImage? expected = null)
    {
        var image = await session.QueryFirstAsync(
            """
            SELECT digest, media_type, artifact_type, subject IS NOT NULL, pushed_at, last_pulled_at FROM manifests
            WHERE id = @manifest AND repository_id = @repository /*lock FOR UPDATE*/
            """,
            static row => new Row(
                new EventImage(ImageRows.DigestAt(row, 0), row.GetString(1), row.GetStringOrNull(2), row.GetBoolean(3)), row.GetTime(4), row.GetTimeOrNull(5)),
            ("@manifest", manifestId),
            ("@repository", repository.Id));
        if (image is null) return RemovalResult.Of(RemovalStatus.Missing);
        var tags = await ImageRows.TagsAsync(session, manifestId);
        if (expected is not null && ChangeOf(image, tags, expected) is { } change) return RemovalResult.Of(RemovalStatus.Changed, change);
        var lists = await ImageRows.ParentsAsync(session, manifestId);
        if (lists.Count > 0) return new RemovalResult(RemovalStatus.Referenced, [], lists, null);
        if (!context.Force)
        {
            var candidate = new RemovalCandidate(manifestId, image.Nature.Digest, tags);
            if (await guard.CheckImageAsync(session, repository, candidate, context.Now) is { } refusal) return new RemovalResult(RemovalStatus.Protected, [], [], null, refusal);
        }

        if (context.Retention > TimeSpan.Zero) await RecycledRows.InsertAsync(session, manifestId, tags, context);
        await BlobReferences.LeaseLinksOfAsync(session, manifestId, context.Now + options.CollectionGrace, context.PlanId);
        await ImageEvents.DeletedAsync(session, repository, image.Nature, manifestId, context.Now);
        await session.ExecuteAsync("DELETE FROM tags WHERE manifest_id = @manifest", ("@manifest", manifestId));
        await session.ExecuteAsync("DELETE FROM manifests WHERE id = @manifest", ("@manifest", manifestId));
        return new RemovalResult(RemovalStatus.Removed, tags, [], null);
    }

    /// <summary>A short text that differs when the tags of an image do; their order does not matter.</summary>
    public static string FingerprintOf(IEnumerable<string> tags)
    {
        var text = string.Join('\n', tags.Order(StringComparer.Ordinal));
        return Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(text)).AsSpan(0, 16));
    }

    private static string? ChangeOf(Row image, List<string> tags, ExpectedImage expected)
    {
        if (image.Nature.Digest != expected.Digest) return "digest";
        if (image.PushedAt != expected.PushedAt) return "pushed";
        if (image.LastPulledAt != expected.LastPulledAt) return "pulled";
        return FingerprintOf(tags) == expected.TagsFingerprint ? null : "tags";
    }

    private sealed record Row(EventImage Nature, DateTimeOffset PushedAt, DateTimeOffset? LastPulledAt);
}

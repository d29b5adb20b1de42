using Longshore.Core;
using Longshore.Core.Lifecycle;
using Longshore.Server.Content;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Protection;

/// <summary>
/// Answers Content, image by image, in the transaction of the removal, by seeks alone: what became protected, or was reported, after a plan was made
/// counts too.
/// </summary>
internal sealed class RemovalGuard : IRemovalGuard
{
    private const int Page = 500;

    /// <inheritdoc/>
    public async ValueTask<RegistryError?> CheckImageAsync(DbSession session, Repository repository, RemovalCandidate image, DateTimeOffset now)
    {
        var protection = await FindAsync(session, repository, image, now);
        return protection is null ? null : ProtectionErrors.ImageProtected(repository.Name, image.Digest, protection);
    }

    /// <inheritdoc/>
    public async ValueTask<RegistryError?> CheckTagAsync(DbSession session, Repository repository, TagName tag, DateTimeOffset now)
    {
        foreach (var pattern in await ProtectionRows.PatternsOfAsync(session, repository.Registry, repository.Name))
            if (await ProtectionOfTagAsync(session, repository, pattern, tag.Value, now) is { } protection) return ProtectionErrors.TagProtected(tag, protection);
        return null;
    }

    /// <inheritdoc/>
    public async ValueTask<RegistryError?> CheckRepositoryAsync(DbSession session, Repository repository, DateTimeOffset now)
    {
        foreach (var pattern in await ProtectionRows.PatternsOfAsync(session, repository.Registry, repository.Name))
        {
            var position = (Kind: -1L, Prefix: "", Id: "");
            while (true)
            {
                var page = await ProtectionRows.ListActiveAsync(session, repository.Registry, pattern, position, now);
                foreach (var row in page)
                    if (await HoldsImageAsync(session, repository.Id, row.Protection)) return ProtectionErrors.RepositoryProtected(repository, row.Protection);
                if (!ProtectionRows.IsFull(page)) break;
                var last = page[^1].Protection;
                position = ((long)last.Kind, ProtectionRows.PrefixOf(last.Target), last.Id);
            }
        }

        return null;
    }

    /// <summary>A protection of an image; null when it has none.</summary>
    public static async ValueTask<ImageProtection?> FindAsync(DbSession session, Repository repository, RemovalCandidate image, DateTimeOffset now)
    {
        var registry = repository.Registry;
        foreach (var pattern in await ProtectionRows.PatternsOfAsync(session, registry, repository.Name))
        {
            if (await ProtectionRows.StrongestAsync(session, registry, pattern, ProtectionKind.Repository, "", null, now) is { } whole) return whole;
            if (await ProtectionRows.StrongestAsync(session, registry, pattern, ProtectionKind.Digest, image.Digest.Value, null, now) is { } digest) return digest;
            foreach (var tag in image.Tags)
                if (await ProtectionOfTagAsync(session, repository, pattern, tag, now) is { } byTag) return byTag;
        }

        return null;
    }

    private static async ValueTask<ImageProtection?> ProtectionOfTagAsync(DbSession session, Repository repository, string pattern, string tag, DateTimeOffset now)
    {
        string? bound = tag;
        while (bound is not null)
        {
            if (await ProtectionRows.TagPrefixAsync(session, repository.Registry, pattern, bound) is not { } prefix) break;
            if (tag.StartsWith(prefix, StringComparison.Ordinal)
                && await ProtectionRows.StrongestAsync(session, repository.Registry, pattern, ProtectionKind.Tag, prefix, tag, now) is { } protection) return protection;
            bound = ProtectionRows.NextBound(tag, prefix);
        }

        return null;
    }

    private static async ValueTask<bool> HoldsImageAsync(DbSession session, long repositoryId, ImageProtection protection)
    {
        if (protection.Kind == ProtectionKind.Repository)
            return await session.QueryFirstAsync("SELECT 1 FROM manifests WHERE repository_id = @repository LIMIT 1", static row => row.GetInt64(0), ("@repository", repositoryId)) == 1;
        if (protection.Kind == ProtectionKind.Digest)
        {
            return await session.QueryFirstAsync(
                "SELECT 1 FROM manifests WHERE repository_id = @repository AND digest = @digest",
                static row => row.GetInt64(0),
                ("@repository", repositoryId),
                ("@digest", protection.Target)) == 1;
        }

        // Tags that begin as the pattern does stand together.
        var prefix = ProtectionRows.PrefixOf(protection.Target);
        var from = prefix;
        var first = true;
        while (true)
        {
            var tags = await session.QueryAsync(
                $"SELECT name FROM tags WHERE repository_id = @repository AND name {(first ? ">=" : ">")} @from ORDER BY name LIMIT @limit",
                static row => row.GetString(0),
                ("@repository", repositoryId),
                ("@from", from),
                ("@limit", (long)Page));
            foreach (var tag in tags)
            {
                if (!tag.StartsWith(prefix, StringComparison.Ordinal)) return false;
                if (Wildcard.Matches(protection.Target, tag)) return true;
            }

            if (tags.Count < Page) return false;
            (from, first) = (tags[^1], false);
        }
    }
}

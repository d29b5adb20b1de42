using Longshore.Core.Lifecycle;
using Longshore.Server.Content;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Protection;

/// <summary>Loads what keeps the images of one repository, for plans. Memory grows with what is said of this repository alone.</summary>
internal static class ProtectionView
{
    /// <summary>The snapshot of a repository, read in the caller's transaction (one snapshot: <see cref="IDatabase.ReadSnapshotAsync"/>).</summary>
    /// <param name="session">The snapshot.</param>
    /// <param name="repository">The repository.</param>
    /// <param name="now">The moment; protections that ended before it keep nothing.</param>
    /// <param name="images">All its images when they are at hand; else what depends on running ones is looked up.</param>
    public static async ValueTask<ProtectionSnapshot> LoadAsync(DbSession session, Repository repository, DateTimeOffset now, IReadOnlyList<LifecycleImage>? images = null)
    {
        var protections = new List<ImageProtection>();
        foreach (var pattern in await ProtectionRows.PatternsOfAsync(session, repository.Registry, repository.Name))
        {
            var position = (Kind: -1L, Prefix: "", Id: "");
            while (true)
            {
                var page = await ProtectionRows.ListActiveAsync(session, repository.Registry, pattern, position, now);
                protections.AddRange(page.Select(row => row.Protection));
                if (!ProtectionRows.IsFull(page)) break;
                var last = page[^1].Protection;
                position = ((long)last.Kind, ProtectionRows.PrefixOf(last.Target), last.Id);
            }
        }

        var uses = new ImageUses();
        var stale = new List<StaleSource>();
        if (await ProtectInUse.GetAsync(session, repository.Registry))
        {
            foreach (var source in await UsageRows.ListSourcesAsync(session, repository.Registry))
            {
                if (source.IsStale(now) && source.CoversRepository(repository.Name)) stale.Add(source.AsStale());
                await UsageRows.CollectAsync(session, source, repository.Name, uses);
            }

            if (images is null) await SpreadAsync(session, repository.Id, uses);
            else uses.Spread(images);
        }

        return new ProtectionSnapshot(protections, uses.All, stale, now);
    }

    private static async ValueTask SpreadAsync(DbSession session, long repositoryId, ImageUses uses)
    {
        for (var digests = uses.TakeFrontier(); digests.Count > 0; digests = uses.TakeFrontier())
        {
            foreach (var digest in digests)
            {
                // An index lists 10,000 manifests at the most; referrers of one image are bounded by the repository.
                var dependants = await session.QueryAsync(
                    """
                    SELECT k.digest FROM manifests m JOIN manifest_children c ON c.manifest_id = m.id JOIN manifests k ON k.id = c.child_id
                    WHERE m.repository_id = @repository AND m.digest = @digest
                    UNION ALL
                    SELECT digest FROM manifests WHERE repository_id = @repository AND subject = @digest
                    """,
                    static row => row.GetString(0),
                    ("@repository", repositoryId),
                    ("@digest", digest));
                foreach (var dependant in dependants) uses.AddDependant(digest, dependant);
            }
        }
    }
}

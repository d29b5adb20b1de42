using Longshore.Core.Lifecycle;
using Longshore.Server.Content;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Protection;

/// <summary>
/// Answers plans: protections, what runs, and silent sources. About one image by seeks alone, in the transaction that would remove it: what became
/// protected, or was reported, after the plan was made counts too.
/// </summary>
internal sealed class RetentionGuard : IRetentionGuard
{
    /// <inheritdoc/>
    public async ValueTask<Func<LifecycleImage, RetentionVeto?>> LoadAsync(DbSession session, Repository repository, IReadOnlyList<LifecycleImage> images, DateTimeOffset now) =>
        (await ProtectionView.LoadAsync(session, repository, now, images)).VetoesOf(images);

    /// <inheritdoc/>
    public async ValueTask<RetentionVeto?> FindAsync(DbSession session, Repository repository, long manifestId, DateTimeOffset now)
    {
        if (await ImageRows.FindCandidateAsync(session, repository.Id, manifestId) is not { } image) return null;
        if (await RemovalGuard.FindAsync(session, repository, image, now) is { } protection) return new RetentionVeto(RetentionKind.Protected, protection.Describe());
        var sources = await UsageRows.ListSourcesAsync(session, repository.Registry);
        if (sources.Count == 0 || !await ProtectInUse.GetAsync(session, repository.Registry)) return null;
        if (await UseOfAsync(session, repository, image, sources) is { } use) return new RetentionVeto(RetentionKind.InUse, use.Describe());
        return sources.Find(source => source.IsStale(now) && source.CoversRepository(repository.Name)) is { } silent
            ? new RetentionVeto(RetentionKind.SourceSilent, silent.AsStale().Describe())
            : null;
    }

    // Upwards: the image itself, the indexes that list it, its subject, and theirs.
    private static async ValueTask<ImageUse?> UseOfAsync(DbSession session, Repository repository, RemovalCandidate image, List<UsageSource> sources)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal) { image.Digest.Value };
        var waiting = new Queue<string>(seen);
        while (waiting.TryDequeue(out var digest))
        {
            var uses = new ImageUses();
            foreach (var source in sources)
                foreach (var workload in await UsageRows.FirstOfAsync(session, source, repository.Name, digest)) uses.Report(digest, new ImageUser(source.Name, workload));
            if (uses.All.TryGetValue(digest, out var use)) return use with { Through = digest == image.Digest.Value ? null : digest };
            foreach (var above in await AboveAsync(session, repository.Id, digest))
                if (seen.Add(above)) waiting.Enqueue(above);
        }

        return null;
    }

    private static ValueTask<List<string>> AboveAsync(DbSession session, long repositoryId, string digest) => session.QueryAsync(
        """
        SELECT p.digest FROM manifests m JOIN manifest_children c ON c.child_id = m.id JOIN manifests p ON p.id = c.manifest_id
        WHERE m.repository_id = @repository AND m.digest = @digest
        UNION ALL
        SELECT subject FROM manifests WHERE repository_id = @repository AND digest = @digest AND subject IS NOT NULL
        """,
        static row => row.GetString(0),
        ("@repository", repositoryId),
        ("@digest", digest));
}

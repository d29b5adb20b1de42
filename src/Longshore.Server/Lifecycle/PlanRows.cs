using System.Data.Common;
using Longshore.Core;
using Longshore.Core.Lifecycle;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Lifecycle;

/// <summary>How plans stand in the database.</summary>
internal static class PlanRows
{
    private const string Columns =
        """
        id, repository_id, account, region, repository, kind, status, policy_text, created_by, created_at, planned_at, finished_at, applied_by, applied_at, error,
        images, expiring, transitioning, vetoed, logical_bytes, physical_bytes, done, not_done, done_bytes, held_until, freed_bytes
        """;

    private const string ImageColumns =
        """
        position, manifest_id, digest, tags, pushed_at, last_pulled_at, image_size, storage_class, action, rule_priority, reason, why, logical_bytes, physical_bytes, outcome
        """;

    /// <summary>Writes a plan that is about to be made.</summary>
    public static async ValueTask InsertAsync(DbSession session, Plan plan) => await session.ExecuteAsync(
        $"""
        INSERT INTO plans ({Columns})
        VALUES (@id, @repository, @account, @region, @name, @kind, @status, @policy, @by, @now, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, 0)
        """,
        ("@id", plan.Id),
        ("@repository", plan.RepositoryId),
        ("@account", plan.Registry.Account),
        ("@region", plan.Registry.Region),
        ("@name", plan.Repository.Value),
        ("@kind", plan.Kind),
        ("@status", plan.Status),
        ("@policy", plan.PolicyText),
        ("@by", plan.CreatedBy),
        ("@now", plan.CreatedAt.ToDatabase()));

    /// <summary>One plan, or null.</summary>
    public static ValueTask<Plan?> FindAsync(DbSession session, string id) =>
        session.QueryFirstAsync($"SELECT {Columns} FROM plans WHERE id = @id", Read, ("@id", id));

    /// <summary>The preview of a repository, or null.</summary>
    public static ValueTask<Plan?> FindPreviewAsync(DbSession session, long repositoryId) =>
        session.QueryFirstAsync($"SELECT {Columns} FROM plans WHERE repository_id = @repository AND kind = 'preview'", Read, ("@repository", repositoryId));

    /// <summary>Plans of a registry or of one of its repositories, the newest first, those made before <paramref name="before"/> (time and id of the last one seen).</summary>
    public static ValueTask<List<Plan>> ListAsync(DbSession session, RegistryId registry, long? repositoryId, (long Time, string Id)? before, int limit)
    {
        var (time, id) = before ?? (long.MaxValue, "");
        return repositoryId is { } repository
            ? session.QueryAsync(
                $"SELECT {Columns} FROM plans WHERE repository_id = @repository AND (created_at, id) < (@time, @id) AND kind <> 'replaced' ORDER BY created_at DESC, id DESC LIMIT @limit",
                Read,
                ("@repository", repository),
                ("@time", time),
                ("@id", id),
                ("@limit", (long)limit))
            : session.QueryAsync(
                $"""
                SELECT {Columns} FROM plans
                WHERE account = @account AND region = @region AND (created_at, id) < (@time, @id) AND kind <> 'replaced' ORDER BY created_at DESC, id DESC LIMIT @limit
                """,
                Read,
                ("@account", registry.Account),
                ("@region", registry.Region),
                ("@time", time),
                ("@id", id),
                ("@limit", (long)limit));
    }

    /// <summary>Images of a plan in order, those after a position; only those that go when <paramref name="acting"/>.</summary>
    public static ValueTask<List<PlanImage>> ListImagesAsync(DbSession session, string planId, bool acting, long after, int limit) => session.QueryAsync(
        $"SELECT {ImageColumns} FROM plan_images WHERE plan_id = @plan AND position > @after{(acting ? " AND action IS NOT NULL" : "")} ORDER BY position LIMIT @limit",
        ReadImage,
        ("@plan", planId),
        ("@after", after),
        ("@limit", (long)limit));

    /// <summary>Images of a plan that are still to be done, in order.</summary>
    public static ValueTask<List<PlanImage>> ListOpenAsync(DbSession session, string planId, long after, int limit) => session.QueryAsync(
        $"SELECT {ImageColumns} FROM plan_images WHERE plan_id = @plan AND position > @after AND action IS NOT NULL AND outcome IS NULL ORDER BY position LIMIT @limit",
        ReadImage,
        ("@plan", planId),
        ("@after", after),
        ("@limit", (long)limit));

    /// <summary>One image of a plan by digest, or null.</summary>
    public static ValueTask<PlanImage?> FindImageAsync(DbSession session, string planId, Digest digest) => session.QueryFirstAsync(
        $"SELECT {ImageColumns} FROM plan_images WHERE plan_id = @plan AND digest = @digest", ReadImage, ("@plan", planId), ("@digest", digest.Value));

    /// <summary>Writes one image of a plan.</summary>
    public static async ValueTask InsertImageAsync(DbSession session, string planId, PlanImage image) => await session.ExecuteAsync(
        $"""
        INSERT INTO plan_images (plan_id, {ImageColumns})
        VALUES (@plan, @position, @manifest, @digest, @tags, @pushed, @pulled, @size, @class, @action, @rule, @reason, @why, @logical, @physical, NULL)
        ON CONFLICT (plan_id, position) DO NOTHING
        """,
        ("@plan", planId),
        ("@position", image.Position),
        ("@manifest", image.ManifestId),
        ("@digest", image.Digest.Value),
        ("@tags", string.Join('\n', image.Tags)),
        ("@pushed", image.PushedAt.ToDatabase()),
        ("@pulled", image.LastPulledAt?.ToDatabase()),
        ("@size", image.ImageSize),
        ("@class", (long)image.StorageClass),
        ("@action", (long?)image.Action),
        ("@rule", (long?)image.RulePriority),
        ("@reason", image.Reason),
        ("@why", image.Why),
        ("@logical", image.Bytes.Logical),
        ("@physical", image.Bytes.Physical));

    /// <summary>Ends the making of a plan.</summary>
    public static async ValueTask CompleteAsync(DbSession session, string planId, PlanTotals totals, DateTimeOffset plannedAt, DateTimeOffset now) => await session.ExecuteAsync(
        """
        UPDATE plans SET status = 'COMPLETE', planned_at = @planned, finished_at = @now, error = NULL, images = @images, expiring = @expiring,
            transitioning = @transitioning, vetoed = @vetoed, logical_bytes = @logical, physical_bytes = @physical
        WHERE id = @id AND status = 'IN_PROGRESS'
        """,
        ("@planned", plannedAt.ToDatabase()),
        ("@now", now.ToDatabase()),
        ("@images", totals.Images),
        ("@expiring", totals.Expiring),
        ("@transitioning", totals.Transitioning),
        ("@vetoed", totals.Vetoed),
        ("@logical", totals.LogicalBytes),
        ("@physical", totals.PhysicalBytes),
        ("@id", planId));

    /// <summary>Moves a plan on from one status to another; false when it is not in the first.</summary>
    public static async ValueTask<bool> MoveAsync(DbSession session, string planId, string from, string to, DateTimeOffset now, string? error = null) => await session.ExecuteAsync(
        "UPDATE plans SET status = @to, error = @error, finished_at = @now WHERE id = @id AND status = @from",
        ("@to", to),
        ("@error", error),
        ("@now", now.ToDatabase()),
        ("@id", planId),
        ("@from", from)) == 1;

    /// <summary>Removes up to <paramref name="limit"/> images of a plan; how many.</summary>
    public static ValueTask<int> DeleteImagesAsync(DbSession session, string planId, int limit) => session.ExecuteAsync(
        "DELETE FROM plan_images WHERE plan_id = @plan AND position IN (SELECT position FROM plan_images WHERE plan_id = @plan LIMIT @limit)",
        ("@plan", planId),
        ("@limit", (long)limit));

    private static Plan Read(DbDataReader row) => new(
        row.GetString(0),
        row.GetInt64(1),
        new RegistryId(row.GetString(2), row.GetString(3)),
        RepositoryName.TryParse(row.GetString(4), out var name) ? name : throw new InvalidDataException("The repository name of a stored plan is malformed."),
        row.GetString(5),
        row.GetString(6),
        row.GetString(7),
        row.GetString(8),
        row.GetTime(9),
        row.GetTimeOrNull(10),
        row.GetTimeOrNull(11),
        row.GetStringOrNull(12),
        row.GetTimeOrNull(13),
        row.GetStringOrNull(14),
        new PlanTotals(row.GetInt64(15), row.GetInt64(16), row.GetInt64(17), row.GetInt64(18), row.GetInt64(19), row.GetInt64(20)),
        new PlanReceipt(row.GetInt64(21), row.GetInt64(22), row.GetInt64(23), row.GetTimeOrNull(24), row.GetInt64(25)));

    private static PlanImage ReadImage(DbDataReader row)
    {
        var tags = row.GetString(3);
        return new PlanImage(
            row.GetInt64(0),
            row.GetInt64(1),
            Digest.TryParse(row.GetString(2), out var digest) ? digest : throw new InvalidDataException("The digest of a stored plan is malformed."),
            tags.Length == 0 ? [] : tags.Split('\n'),
            row.GetTime(4),
            row.GetTimeOrNull(5),
            row.GetInt64(6),
            (StorageClass)row.GetInt64(7),
            (LifecycleAction?)row.GetInt64OrNull(8),
            (int?)row.GetInt64OrNull(9),
            row.GetString(10),
            row.GetString(11),
            new ImageBytes(row.GetInt64(12), row.GetInt64(13)),
            row.GetStringOrNull(14));
    }
}

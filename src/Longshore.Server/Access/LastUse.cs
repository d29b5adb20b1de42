using System.Collections.Concurrent;
using Longshore.Server.Hosting.Jobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Access;

/// <summary>
/// Keeps when, where and for what access keys and roles were last used. A request notes its key in memory, at most once a minute each; every
/// few seconds what was noted is written in relaxed writes, so that no request waits for one. A killed process loses at most those seconds.
/// </summary>
internal sealed class LastUse(IDatabase database, TimeProvider time, ILogger<LastUse> logger) : PeriodicFlush(TimeSpan.FromSeconds(3), time)
{
    /// <summary>How often a key or role is noted at the most.</summary>
    public static readonly TimeSpan Resolution = TimeSpan.FromMinutes(1);

    private const int MaxNoted = 100_000;
    private const int Batch = 1_000;

    private readonly ConcurrentDictionary<Used, long> due = new();
    private readonly ConcurrentDictionary<Used, Use> noted = new();

    /// <summary>Notes that a caller's key, or the role of its session, was used now.</summary>
    /// <param name="caller">Who was authenticated.</param>
    /// <param name="service">The service that was asked: <c>ecr</c>, <c>sts</c>, …</param>
    public void Note(Caller caller, string service)
    {
        if (caller.AccessKey is not { } key) return;
        var used = key.Ticket is null ? new Used(key.Id, 0) : new Used("", key.PrincipalId);
        // A session of a user or root has no key of its own to note, and is over in a day and a half.
        if (key.Ticket is not null && caller.Principal.Kind != PrincipalKind.RoleSession) return;
        var now = Time.GetUtcNow();
        if (due.TryGetValue(used, out var next) && now.UtcTicks < next) return;
        if (due.Count >= MaxNoted) due.Clear();
        due[used] = (now + Resolution).UtcTicks;
        if (noted.Count < MaxNoted) noted[used] = new Use(now.ToDatabase(), service, caller.Registry.Region);
    }

    /// <inheritdoc/>
    public override async Task FlushAsync(CancellationToken cancellationToken)
    {
        foreach (var batch in noted.OrderBy(static pair => pair.Key.RoleId).ThenBy(static pair => pair.Key.KeyId, StringComparer.Ordinal).Chunk(Batch))
        {
            await database.WriteBesideAsync(
                Durability.Relaxed,
                async session =>
                {
                    foreach (var (used, use) in batch)
                    {
                        if (used.RoleId == 0)
                        {
                            await session.ExecuteAsync(
                                "UPDATE access_keys SET last_used_at = @at, last_used_service = @service, last_used_region = @region WHERE access_key_id = @id AND (last_used_at IS NULL OR last_used_at < @at)",
                                ("@at", use.At), ("@service", use.Service), ("@region", use.Region), ("@id", used.KeyId));
                        }
                        else
                        {
                            await session.ExecuteAsync(
                                "UPDATE principals SET last_used_at = @at, last_used_region = @region WHERE id = @id AND (last_used_at IS NULL OR last_used_at < @at)",
                                ("@at", use.At), ("@region", use.Region), ("@id", used.RoleId));
                        }
                    }

                    return batch.Length;
                },
                cancellationToken);
            // Only what has not been noted again meanwhile.
            foreach (var pair in batch) noted.TryRemove(pair);
        }
    }

    /// <inheritdoc/>
    protected override void NotKept(Exception failure) => logger.LastUseNotKept(failure);

    /// <summary>An access key, or a role.</summary>
    private readonly record struct Used(string KeyId, long RoleId);

    private readonly record struct Use(long At, string Service, string Region);
}

using System.Collections.Concurrent;
using System.Collections.Frozen;
using Longshore.Core;

namespace Longshore.Server.Access;

/// <summary>How many calls are taken: none of the two limits unless the operator asks for one.</summary>
internal sealed record RateLimitOptions
{
    /// <summary>Whether ECR's quotas hold: per API, account and region.</summary>
    public bool EcrQuotas { get; init; }

    /// <summary>Calls a second of one principal, all APIs together; 0 means no limit. All sessions of a role are one principal.</summary>
    public int PerPrincipal { get; init; }
}

/// <summary>
/// Rates of calls by callers who are known. A limit of N a second lets N come at once and then one every 1/N of a second (the generic cell rate
/// algorithm, a token bucket that is one number: the time at which the bucket would be full again).
/// </summary>
internal sealed class RateLimits(RateLimitOptions options, TimeProvider time)
{
    /// <summary>Most buckets kept; full ones go first, and losing one lets its owner begin afresh.</summary>
    public const int Capacity = 16_384;

    /// <summary>Seconds after which a refused caller may try again: a bucket refills within one.</summary>
    public const string RetryAfter = "1";

    // ECR user guide, service quotas (ecr-behaviour, section 10). Registry routes count under the API that they stand for.
    private static readonly FrozenDictionary<string, int> Quotas = new Dictionary<string, int>
    {
        ["ecr:GetAuthorizationToken"] = 500,
        ["ecr:BatchGetImage"] = 2000,
        ["ecr:GetDownloadUrlForLayer"] = 3000,
        ["ecr:BatchCheckLayerAvailability"] = 1000,
        ["ecr:InitiateLayerUpload"] = 100,
        ["ecr:UploadLayerPart"] = 500,
        ["ecr:CompleteLayerUpload"] = 100,
        ["ecr:PutImage"] = 10,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private readonly ConcurrentDictionary<Key, Bucket> buckets = new();

    /// <summary>How many buckets are kept now.</summary>
    public int Count => buckets.Count;

    /// <summary>Null when the call may go on, else <see cref="ErrorCode.TooManyRequests"/>. Counts the call.</summary>
    /// <param name="caller">Who calls. The anonymous, who may do nothing, are not counted.</param>
    /// <param name="action">The IAM action of the API, such as <c>ecr:PutImage</c>.</param>
    public RegistryError? Check(Caller caller, string action)
    {
        if (options.EcrQuotas)
            return Quotas.TryGetValue(action, out var quota) && !TryTake(new Key(caller.Registry, action, 0), quota) ? Exceeded : null;
        return options.PerPrincipal > 0 && caller.Principal.Id != 0 && !TryTake(new Key(default, "", caller.Principal.Id), options.PerPrincipal) ? Exceeded : null;
    }

    /// <summary>ECR's words.</summary>
    public static RegistryError Exceeded { get; } = new(ErrorCode.TooManyRequests, "Rate exceeded");

    private bool TryTake(Key key, int perSecond)
    {
        if (!buckets.TryGetValue(key, out var bucket))
        {
            if (buckets.Count >= Capacity) MakeRoom();
            bucket = buckets.GetOrAdd(key, static _ => new Bucket());
        }

        return bucket.TryTake(time.GetTimestamp(), time.TimestampFrequency, perSecond);
    }

    private void MakeRoom()
    {
        var now = time.GetTimestamp();
        foreach (var (key, bucket) in buckets)
            if (bucket.IsFull(now)) buckets.TryRemove(key, out _);
        if (buckets.Count >= Capacity) buckets.Clear();
    }

    private readonly record struct Key(RegistryId Registry, string Action, long Principal);

    private sealed class Bucket
    {
        private long fullAt = long.MinValue;

        public bool IsFull(long now) => Volatile.Read(ref fullAt) <= now;

        public bool TryTake(long now, long second, int perSecond)
        {
            while (true)
            {
                var seen = Volatile.Read(ref fullAt);
                var next = Math.Max(seen, now) + (second / perSecond);
                if (next - now > second) return false;
                if (Interlocked.CompareExchange(ref fullAt, next, seen) == seen) return true;
            }
        }
    }
}

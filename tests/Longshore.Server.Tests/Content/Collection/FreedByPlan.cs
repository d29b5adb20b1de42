using System.Collections.Concurrent;
using Longshore.Server.Content.Collection;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Tests.Content.Collection;

/// <summary>Sums up what collection frees, in place of the plans.</summary>
internal sealed class FreedByPlan : IFreedBytes
{
    public ConcurrentDictionary<string, (long Bodies, long Bytes)> Plans { get; } = new();

    public ValueTask AddAsync(DbSession session, string planId, long bodies, long bytes)
    {
        Plans.AddOrUpdate(planId, (bodies, bytes), (_, sum) => (sum.Bodies + bodies, sum.Bytes + bytes));
        return ValueTask.CompletedTask;
    }
}

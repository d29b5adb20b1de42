using System.Collections.Concurrent;
using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.RegistrySettings;

/// <summary>
/// What hot paths ask about a registry, kept in memory. A write is seen by every request that begins after it was answered, whichever server on
/// the database took it: a value is good while <see cref="AccessVersion.Current"/> is the same object, and what is kept here is counted there.
/// </summary>
/// <param name="load">Reads the value.</param>
/// <param name="access">Moves on with each change of any server.</param>
/// <param name="time">Measures age.</param>
internal sealed class RegistryCache<T>(Func<RegistryId, CancellationToken, ValueTask<T>> load, AccessVersion access, TimeProvider time)
    where T : class
{
    /// <summary>How old a value gets at the most.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(5);

    private const int MaxRegistries = 10_000;
    private readonly Lock gate = new();
    private readonly ConcurrentDictionary<RegistryId, Entry> entries = new();
    private long version;

    /// <summary>The value; without a query when it is young.</summary>
    public ValueTask<T> GetAsync(RegistryId registry, CancellationToken cancellationToken) =>
        entries.TryGetValue(registry, out var entry) && ReferenceEquals(entry.Access, access.Current) && time.GetElapsedTime(entry.LoadedAt) < Lifetime
            ? new(entry.Value)
            : LoadAsync(registry, cancellationToken);

    /// <summary>To be called after the commit of a change and before it is answered.</summary>
    public void Invalidate(RegistryId registry)
    {
        lock (gate)
        {
            version++;
            entries.TryRemove(registry, out _);
        }
    }

    private async ValueTask<T> LoadAsync(RegistryId registry, CancellationToken cancellationToken)
    {
        var seen = Interlocked.Read(ref version);
        var (loadedAt, current) = (time.GetTimestamp(), access.Current);
        var value = await load(registry, cancellationToken);
        lock (gate)
        {
            // A change since then may not be in what was read: it is good for this request, which began before, and for no other.
            if (version != seen) return value;
            if (entries.Count >= MaxRegistries) entries.Clear();
            entries[registry] = new Entry(value, loadedAt, current);
        }

        return value;
    }

    private sealed record Entry(T Value, long LoadedAt, object Access);
}

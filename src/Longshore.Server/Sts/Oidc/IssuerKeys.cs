using System.Collections.Concurrent;
using System.Text;

namespace Longshore.Server.Sts.Oidc;

/// <summary>What came of looking for the key of a token.</summary>
internal enum KeySearch
{
    /// <summary>Here are the keys, and one of them may have signed it.</summary>
    Found,

    /// <summary>The issuer has no such key.</summary>
    NoSuchKey,

    /// <summary>The issuer cannot be asked, or not again so soon.</summary>
    Unreachable,
}

/// <summary>
/// The keys of issuers, kept. They are fetched again when their time is up, and at once for a key that is not among them; but never more than
/// once in <see cref="LeastInterval"/> for one provider, whoever sends tokens. While an issuer cannot be reached, what it said last is good for
/// <see cref="MostStale"/>.
/// </summary>
internal sealed class IssuerKeys(IssuerClient client, TimeProvider time, ILogger<IssuerKeys> logger)
{
    /// <summary>The least time between two requests to an issuer for one provider, also after a failure.</summary>
    public static readonly TimeSpan LeastInterval = TimeSpan.FromSeconds(30);

    /// <summary>How long keys are kept, unless the issuer says less.</summary>
    public static readonly TimeSpan MostFresh = TimeSpan.FromHours(1);

    /// <summary>How long keys are good while the issuer cannot be reached.</summary>
    public static readonly TimeSpan MostStale = TimeSpan.FromHours(24);

    /// <summary>Most providers kept; at the bound they start afresh.</summary>
    private const int Capacity = 4096;

    private readonly ConcurrentDictionary<long, Entry> entries = new();

    /// <summary>The keys for a token of a provider.</summary>
    public async ValueTask<(KeySearch Result, JsonWebKeys? Keys)> FindAsync(OidcProvider provider, JsonWebToken token, CancellationToken cancellationToken)
    {
        if (entries.Count >= Capacity) entries.Clear();
        var entry = entries.GetOrAdd(provider.Id, static (_, p) => new Entry(p), provider);
        // Keys that were got under other thumbprints are not proved any more.
        if (!entry.Provider.HasSameTrust(provider)) entries[provider.Id] = entry = new Entry(provider);
        if (provider.PinnedKeys is { } pinned)
        {
            entry.State ??= new State(JsonWebKeys.Parse(Encoding.UTF8.GetBytes(pinned)) ?? new JsonWebKeys(), DateTimeOffset.MaxValue, DateTimeOffset.MaxValue);
            return entry.State.Keys.Has(token) ? (KeySearch.Found, entry.State.Keys) : (KeySearch.NoSuchKey, null);
        }

        if (Fresh(entry) is { } kept && kept.Has(token)) return (KeySearch.Found, kept);
        // One fetch serves all who wait for it.
        await entry.Gate.WaitAsync(cancellationToken);
        try
        {
            if (Fresh(entry) is { } now && now.Has(token)) return (KeySearch.Found, now);
            if (time.GetUtcNow() >= entry.NextFetch) await FetchAsync(entry);
        }
        finally
        {
            entry.Gate.Release();
        }

        var usable = entry.State is { } state && time.GetUtcNow() < state.UsableUntil ? state.Keys : null;
        if (usable is null) return (KeySearch.Unreachable, null);
        if (usable.Has(token)) return (KeySearch.Found, usable);
        // Whether the issuer knows the key by now cannot be said while it does not answer.
        return (entry.Failed ? KeySearch.Unreachable : KeySearch.NoSuchKey, null);
    }

    private JsonWebKeys? Fresh(Entry entry) => entry.State is { } state && time.GetUtcNow() < state.FreshUntil ? state.Keys : null;

    private async Task FetchAsync(Entry entry)
    {
        entry.NextFetch = time.GetUtcNow() + LeastInterval;
        // Not the caller's token: one that goes away at once, again and again, would keep everybody from the keys. The client has its own bound.
        var fetched = await client.FetchAsync(entry.Provider, CancellationToken.None);
        var now = time.GetUtcNow();
        entry.Failed = fetched is null;
        if (fetched is null) return;
        logger.KeysFetched(entry.Provider.Arn, fetched.Keys.Count);
        entry.State = new State(fetched.Keys, now + (fetched.FreshFor is { } said && said < MostFresh ? said : MostFresh), now + MostStale);
    }

    private sealed record State(JsonWebKeys Keys, DateTimeOffset FreshUntil, DateTimeOffset UsableUntil);

    private sealed class Entry(OidcProvider provider)
    {
        private volatile State? state;

        public OidcProvider Provider => provider;

        /// <summary>Held around <see cref="NextFetch"/>, <see cref="Failed"/> and a fetch.</summary>
        public SemaphoreSlim Gate { get; } = new(1);

        public State? State
        {
            get => state;
            set => state = value;
        }

        public DateTimeOffset NextFetch { get; set; }

        public bool Failed { get; set; }
    }
}

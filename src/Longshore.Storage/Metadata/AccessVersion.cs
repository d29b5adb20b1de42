namespace Longshore.Storage.Metadata;

/// <summary>
/// The state of everything that decides about access: principals, keys, policies, providers, resource tags. Whoever changes any of it
/// calls <see cref="Bump"/> after the commit; what was concluded from it is good while <see cref="Current"/> is the same object.
/// </summary>
/// <remarks>
/// On a database that several servers share, triggers count each change in the row of <c>access_version</c>, in the transaction of the change, and
/// <see cref="RefreshAsync"/> looks at that row at the beginning of each request: what one server has committed, all others heed with the next
/// request that they take. Requests that arrive while a look is under way share the next one, which begins after all of them.
/// </remarks>
public sealed class AccessVersion
{
    private readonly IDatabase? shared;
    private readonly Lock gate = new();
    private volatile object current = new();
    private Task? running;
    private Task? next;
    private long seen = -1;

    /// <summary>A version that this process alone changes.</summary>
    public AccessVersion()
    {
    }

    /// <summary>The version of a database.</summary>
    public AccessVersion(IDatabase database) => shared = database.IsShared ? database : null;

    /// <summary>Another object after every change.</summary>
    public object Current => current;

    /// <summary>Whether others may change it, so that requests must begin with <see cref="RefreshAsync"/>.</summary>
    public bool IsShared => shared is not null;

    /// <summary>Says that something was changed.</summary>
    public void Bump() => current = new();

    /// <summary>Heeds every change that was committed before the call, by whichever server. One round trip, or a part of one; nothing on SQLite.</summary>
    public Task RefreshAsync()
    {
        if (shared is null) return Task.CompletedTask;
        lock (gate)
        {
            // A look that has begun may have read the row before this call.
            if (running is null) return running = LookAsync();
            return next ??= LookAfterAsync(running);
        }
    }

    private async Task LookAfterAsync(Task before)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (gate)
        {
            running = next;
            next = null;
        }

        await LookAsync();
    }

    private async Task LookAsync()
    {
        // The caller holds the gate: it must know this task before the look ends.
        await Task.Yield();
        try
        {
            var found = await shared!.ReadAsync(
                static session => session.QueryFirstAsync("SELECT version FROM access_version", static row => row.GetInt64(0)), CancellationToken.None);
            if (Interlocked.Exchange(ref seen, found) != found) Bump();
        }
        finally
        {
            lock (gate)
            {
                if (next is null) running = null;
            }
        }
    }
}

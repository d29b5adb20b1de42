namespace Longshore.Server.Trail;

/// <summary>What the beginning of a call must have come through before the call is answered.</summary>
internal enum TrailPromise
{
    /// <summary>Nothing: written within 25 ms, synced within <see cref="TrailLog.SyncEvery"/>.</summary>
    Later,

    /// <summary>It is in its file: a killed process does not lose it, the loss of power may. Synced within <see cref="TrailLog.SyncEvery"/>.</summary>
    Written,

    /// <summary>It is on disk.</summary>
    Synced,
}

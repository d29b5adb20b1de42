using System.Diagnostics.CodeAnalysis;
using Npgsql;

namespace Longshore.Storage.Metadata;

/// <summary>
/// Notices a database that has stopped answering, or has become another one, and ends what still waits for the former: no caller waits for long.
/// </summary>
/// <remarks>
/// A paused machine, a lost network and a failed-over address leave connections open on which nothing ever comes. Npgsql would wait out the time of the
/// statement, and then for its own cancellation. So: (1) whoever works on the database does it in a <see cref="Turn"/>; (2) once a second, if a turn has
/// lasted longer than <see cref="Patience"/> or a connection broke, the watch asks on a connection of its own, for <see cref="ProbeLimit"/> at the most;
/// (3) when nobody answers, and no turn came to its end meanwhile, all turns end, and new ones are refused at once until a later probe is answered; (4) when another server process answers than
/// the one before, all turns that began before end. Ended turns leave their connection to itself: the pool is replaced.
/// </remarks>
internal sealed class PostgresWatch : IAsyncDisposable
{
    /// <summary>How often it looks.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    /// <summary>How long a turn may last before anybody asks whether the database is there.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>How long a database that is there may take to answer: with connecting, but without work.</summary>
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(5);

    private readonly Func<CancellationToken, Task<string>> probe;
    private readonly Action changed;
    private readonly TimeProvider time;
    private readonly CancellationTokenSource stop = new();
    private readonly List<Second> past = [];
    private readonly Task loop;
    private Second current;
    private volatile Exception? away;
    private volatile bool suspected;
    private volatile bool answered;
    private bool disposed;
    private string identity;

    /// <summary>Begins to watch.</summary>
    /// <param name="probe">Asks the database which one it is; throws when it does not answer.</param>
    /// <param name="changed">Told that what was connected before is of no use any more.</param>
    /// <param name="identity">Which one answered last.</param>
    /// <param name="time">The clock of the looks.</param>
    public PostgresWatch(Func<CancellationToken, Task<string>> probe, Action changed, string identity, TimeProvider time)
    {
        (this.probe, this.changed, this.identity, this.time) = (probe, changed, identity, time);
        current = new Second(time.GetTimestamp());
        loop = Task.Run(RunAsync);
    }

    /// <summary>Why the database is taken for away; null while it is not.</summary>
    public Exception? Away => away;

    /// <summary>Begins a turn; <see cref="Turn.Leave"/> ends it.</summary>
    public Turn Enter()
    {
        while (true)
        {
            var second = Volatile.Read(ref current);
            Interlocked.Increment(ref second.Turns);
            // One that is not the current one any more may have been looked at already.
            if (second == Volatile.Read(ref current)) return new Turn(second);
            Interlocked.Decrement(ref second.Turns);
        }
    }

    /// <summary>Says that the database answered.</summary>
    public void Answered() => answered = true;

    /// <summary>Says that a connection broke: the next look asks who is there.</summary>
    public void Suspect() => suspected = true;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (disposed) return;
        disposed = true;
        await stop.CancelAsync();
        await loop;
        stop.Dispose();
    }

    private async Task RunAsync()
    {
        using var timer = new PeriodicTimer(Period, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stop.Token)) await LookAsync();
        }
        catch (OperationCanceledException)
        {
            // The database is closed.
        }
    }

    private async Task LookAsync()
    {
        var now = time.GetTimestamp();
        past.Add(Interlocked.Exchange(ref current, new Second(now)));
        past.RemoveAll(static second => Volatile.Read(ref second.Turns) == 0);
        if (away is null && !suspected && !past.Exists(second => time.GetElapsedTime(second.Began, now) > Patience)) return;
        suspected = answered = false;
        string found;
        try
        {
            found = await AskAsync();
        }
#pragma warning disable CA1031 // Whatever the reason, nobody answers.
        catch (Exception e) when (!stop.IsCancellationRequested)
#pragma warning restore CA1031
        {
            // It answers others: it is only slow to take connections, or refuses them. Who asks is told by itself.
            if (away is not null || answered || e is PostgresException) return;
            // Where a connection is refused at once, nobody needs to be kept from asking.
            if (e is TimeoutException) away = e;
            EndTurns();
            return;
        }

        if (found != identity) EndTurns();
        identity = found;
        away = null;
    }

    // Who cuts connections may have cut this one with them: that says nothing about the database before it has happened twice.
    private async Task<string> AskAsync()
    {
        try
        {
            return await probe(stop.Token).WaitAsync(ProbeLimit, time, stop.Token);
        }
        catch (Exception e) when (e is not TimeoutException && !stop.IsCancellationRequested)
        {
            return await probe(stop.Token).WaitAsync(ProbeLimit, time, stop.Token);
        }
    }

    private void EndTurns()
    {
        past.Add(Interlocked.Exchange(ref current, new Second(time.GetTimestamp())));
        changed();
        foreach (var second in past) second.End();
        past.Clear();
    }

    /// <summary>Who began to work within one second.</summary>
    [SuppressMessage("Design", "CA1001", Justification = "Whoever began in this second may still ask for its end; without a timer or a link the source holds memory alone.")]
    internal sealed class Second(long began)
    {
        private readonly CancellationTokenSource ended = new();

        public int Turns;

        public long Began => began;

        public CancellationToken Ended => ended.Token;

        // In the background: what waits goes on in the thread that cancels.
        public void End() => _ = ended.CancelAsync();
    }

    /// <summary>One piece of work on the database.</summary>
    internal readonly struct Turn(Second second)
    {
        /// <summary>Cancelled when nothing may be expected of the database any more.</summary>
        public CancellationToken Ended => second.Ended;

        /// <summary>The work is done, or given up.</summary>
        public void Leave() => Interlocked.Decrement(ref second.Turns);
    }
}

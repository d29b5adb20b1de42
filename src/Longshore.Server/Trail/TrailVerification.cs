using Longshore.Storage.Metadata;

namespace Longshore.Server.Trail;

/// <summary>How a verification stands.</summary>
/// <param name="Running">Whether it is under way.</param>
/// <param name="StartedAt">When it began; null when none was asked for since the server started.</param>
/// <param name="FinishedAt">When it ended.</param>
/// <param name="Progress">How far it is.</param>
/// <param name="Findings">What it found, the first thousand.</param>
/// <param name="MoreFindings">How many more there are.</param>
/// <param name="Error">Why it could not be finished.</param>
internal sealed record TrailVerificationState(
    bool Running, DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt, TrailProgress Progress, IReadOnlyList<TrailFinding> Findings, int MoreFindings, string? Error);

/// <summary>Verification of the trail by the running server, in the background: one at a time.</summary>
internal sealed class TrailVerification(TrailService trail, IDatabase database, TimeProvider time, IHostApplicationLifetime lifetime)
{
    private const int MostFindings = 1000;

    private readonly Lock gate = new();
    private TrailVerificationState state = new(false, null, null, default, [], 0, null);

    /// <summary>The account whose root may ask.</summary>
    public string HomeAccount => trail.HomeAccount;

    /// <summary>How it stands.</summary>
    public TrailVerificationState State
    {
        get
        {
            lock (gate) return state;
        }
    }

    /// <summary>Starts one unless one runs.</summary>
    public TrailVerificationState Start()
    {
        lock (gate)
        {
            if (state.Running || !trail.IsOn) return state;
            state = new TrailVerificationState(true, time.GetUtcNow(), null, default, [], 0, null);
            _ = Task.Run(RunAsync);
            return state;
        }
    }

    private async Task RunAsync()
    {
        string? error = null;
        try
        {
            await trail.Log.FlushAsync(sync: false, lifetime.ApplicationStopping);
            var head = await TrailVerifier.ReadHeadAsync(database, trail.HeadSetting, lifetime.ApplicationStopping);
            new TrailVerifier(trail.Directory, trail.Keys, Add, progress => Update(current => current with { Progress = progress }))
                .Run(trail.Tail, head, lifetime.ApplicationStopping);
        }
#pragma warning disable CA1031 // Whoever asked is told; nothing depends on it.
        catch (Exception e)
#pragma warning restore CA1031
        {
            error = e.Message;
        }

        Update(current => current with { Running = false, FinishedAt = time.GetUtcNow(), Error = error });
    }

    private void Add(TrailFinding finding) => Update(current => current.Findings.Count < MostFindings
        ? current with { Findings = [.. current.Findings, finding] }
        : current with { MoreFindings = current.MoreFindings + 1 });

    private void Update(Func<TrailVerificationState, TrailVerificationState> change)
    {
        lock (gate) state = change(state);
    }
}

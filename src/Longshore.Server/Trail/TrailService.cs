using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Trail;

/// <summary>
/// The trail of calls: opened before the server listens, closed after the last request. Begins calls that change something, and ends all.
/// </summary>
internal sealed class TrailService : ICallTrail, IHostedService, IDisposable
{
    // A segment that has less left at the start is not begun with alone: room for some hundred calls until the next one is made.
    private const int RoomToStart = 128 * 1024;

    private readonly TrailOptions options;
    private readonly IDatabase database;
    private readonly TimeProvider time;
    private readonly ILogger<TrailService> logger;
    private readonly TrailSegments segments;
    private readonly TrailPreparation preparation;
    private readonly TrailTidying tidying;
    private bool started;

    /// <summary>Creates the trail; nothing is read or written before <see cref="StartAsync"/>.</summary>
    public TrailService(TrailOptions options, ServerKeys keys, IDatabase database, TimeProvider time, ILoggerFactory loggers)
    {
        (this.options, this.database, this.time) = (options, database, time);
        logger = loggers.CreateLogger<TrailService>();
        Keys = new TrailKeys(keys);
        Directory = new TrailDirectory(options.Directory);
        Index = new TrailIndex(Directory, Keys);
        segments = new TrailSegments(Directory, Keys, time, options);
        Log = new TrailLog(segments, time, loggers.CreateLogger<TrailLog>());
        preparation = new TrailPreparation(options, Directory, segments, Log.RoomChanged);
        tidying = new TrailTidying(options, Directory, Index, Keys, database, new ServiceEvents(Log, database, time), () => segments.Tail.Number, time, logger);
    }

    /// <summary>Whether calls are recorded.</summary>
    public bool IsOn => started;

    /// <summary>Its files.</summary>
    public TrailDirectory Directory { get; }

    /// <summary>Its keys.</summary>
    public TrailKeys Keys { get; }

    /// <summary>Its sealed segments.</summary>
    public TrailIndex Index { get; }

    /// <summary>Its writer.</summary>
    public TrailLog Log { get; }

    /// <summary>How far the segment that is being written can be read.</summary>
    public TrailTail Tail => segments.Tail;

    /// <summary>The row of <c>settings</c> with the last seal.</summary>
    public string HeadSetting => options.HeadSetting;

    /// <summary>The server's account, whose root may see the records of all accounts.</summary>
    public string HomeAccount => options.DefaultRegistry.Account;

    /// <summary>The time for a record.</summary>
    public long Now => TrailPayload.Micros(time.GetUtcNow());

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!options.Enabled)
        {
            logger.TrailOff();
            return;
        }

        Directory.Create();
        File.Delete(Directory.NextPath);
        // What the database knows of and is not here was removed: the trail goes on behind it, and the gap stays for verification to see.
        var tip = TrailRecovery.After(await TrailVerifier.ReadHeadAsync(database, options.HeadSetting, cancellationToken), TrailRecovery.Find(Directory, Keys));
        if (tip.Torn is { } torn) logger.TrailTorn(torn);
        if (tip.Open.Count > 0) logger.OutcomesUnknown(tip.Open.Count);
        segments.Open(tip);
        segments.Sealed = tidying.Sealed;
        segments.Taken = preparation.Wake + (Action)tidying.Wake;
        // A trail that was copied ends with its last line, and the calls that it left begun are ended first.
        if (segments.Room < RoomToStart + ((long)tip.Open.Count * TrailLog.EndReserve)) preparation.Prepare();
        Log.Start(tip.Segment.LastSequence + 1, tip.Open.Count);
        preparation.Start();
        foreach (var (sequence, begin) in tip.Open)
        {
            var unknown = TrailRecovery.Unknown(begin, sequence);
            await Log.AppendAsync(unknown, TrailLine.TimeOf(unknown), sequence);
        }

        // Segments whose summary is missing are read here: at most those of the moments before the last end.
        Index.Load(tip.Resume ? tip.Segment.Number : 0);
        tidying.Start();
        started = true;
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (!started) return;
        await tidying.StopAsync();
        await preparation.StopAsync();
        Log.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Log.Dispose();
        tidying.Dispose();
        preparation.Dispose();
    }

    /// <inheritdoc/>
    public ValueTask<RegistryError?> AdmitAsync(CallRecord record, HttpContext http, CancellationToken cancellationToken)
    {
        if (record.ReadOnly || !started || http.Features.Get<Admission>() is not null) return default;
        CallNames.Complete(record, http);
        var at = Now;
        var begun = Log.BeginAsync(TrailPayload.Write(TrailLine.Begin, at, 0, record, http, options.DefaultRegistry, 0), at, CallNames.PromiseOf(record), cancellationToken);
        return begun.IsCompletedSuccessfully ? new(Admit(http, begun.Result, at)) : AwaitAsync(http, begun, at);
    }

    /// <summary>Leaves the record of a request that has ended. Never throws: the answer is out.</summary>
    public async ValueTask EndAsync(HttpContext http, long at, Exception? failure)
    {
        try
        {
            var record = CallRecord.Of(http);
            CallNames.Complete(record, http);
            var admission = http.Features.Get<Admission>();
            // Nobody was asked who they are, and nobody was refused: the OpenAPI document.
            if (record.Caller is null && admission is null && record.EventName is null && http.Response.StatusCode < StatusCodes.Status400BadRequest) return;
            var status = Status(http, failure);
            CallNames.CompleteAnswer(record, http, status);
            var pending = admission is null
                ? Log.AppendAsync(TrailPayload.Write(TrailLine.Plain, at, 0, record, http, options.DefaultRegistry, status), at, 0)
                : Log.AppendAsync(TrailPayload.Write(TrailLine.End, admission.At, admission.Sequence, record, http, options.DefaultRegistry, status), admission.At, admission.Sequence);
            await pending;
        }
#pragma warning disable CA1031 // A record that cannot be made is an error of ours, told in the log; the client has its answer.
        catch (Exception e)
#pragma warning restore CA1031
        {
            logger.RecordNotMade(e, http.TraceIdentifier);
        }
    }

    private static int Status(HttpContext http, Exception? failure)
    {
        if (failure is null || http.Response.HasStarted) return http.Response.StatusCode;
        return failure switch
        {
            BadHttpRequestException bad => bad.StatusCode,
            StorageFullException => StatusCodes.Status507InsufficientStorage,
            StorageUnavailableException => StatusCodes.Status503ServiceUnavailable,
            _ when http.RequestAborted.IsCancellationRequested => StatusCodes.Status499ClientClosedRequest,
            _ => StatusCodes.Status500InternalServerError,
        };
    }

    private static async ValueTask<RegistryError?> AwaitAsync(HttpContext http, ValueTask<TrailBegun?> begun, long at) => Admit(http, await begun, at);

    private static RegistryError? Admit(HttpContext http, TrailBegun? begun, long at)
    {
        if (begun is not { } taken) return new RegistryError(ErrorCode.StorageFull, "The trail of calls has no room: nothing is changed that cannot be recorded.");
        http.Features.Set(new Admission(taken.Sequence, at));
        // Whatever the call does meanwhile, nobody is told of it before its beginning is on disk.
        if (!taken.Kept.IsCompleted) http.Response.OnStarting(static state => (Task)state, taken.Kept);
        return null;
    }

    /// <summary>That a request's record was begun.</summary>
    private sealed record Admission(long Sequence, long At);
}

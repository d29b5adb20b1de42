using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Longshore.Server.Access;

/// <summary>By what repeated refusals are counted.</summary>
internal enum RefusalSource
{
    /// <summary>The client's address; of IPv6 its /64, which one client has whole.</summary>
    Address,

    /// <summary>The access key that was claimed or used.</summary>
    AccessKey,

    /// <summary>The ARN of the caller who may not.</summary>
    Principal,
}

/// <summary>Somebody who was refused again and again.</summary>
/// <param name="Source">By what they are known.</param>
/// <param name="Value">The address, key or ARN.</param>
/// <param name="Account">The account of key or principal, where it is known.</param>
/// <param name="Count">Refusals of this burst.</param>
/// <param name="FirstAt">The first of them.</param>
/// <param name="LastAt">The last of them.</param>
/// <param name="LastError">What the last of them was told.</param>
/// <param name="LastEvent">What it wanted.</param>
/// <param name="Active">Whether the burst goes on: refusals are answered slowly.</param>
internal sealed record RefusalAlert(
    RefusalSource Source, string Value, string? Account, long Count, DateTimeOffset FirstAt, DateTimeOffset LastAt, string LastError, string? LastEvent, bool Active);

/// <summary>How refusals are slowed down.</summary>
/// <param name="MaxDelay">The longest that an answer is held back; zero: none is.</param>
internal sealed record RefusalOptions(TimeSpan MaxDelay);

/// <summary>
/// Counts refusals: credentials that are not good, and calls that are not allowed. From the tenth within a minute on, further ones of the same
/// address, key or principal are answered more and more slowly. What is allowed is never slowed down. In memory, and bounded: a restart forgets.
/// </summary>
internal sealed class Refusals(RefusalOptions options, TimeProvider time, ILogger<Refusals> logger)
{
    /// <summary>Refusals within <see cref="Window"/> that make a burst: the next one, the tenth, is the first that is answered slowly.</summary>
    public const int Threshold = 9;

    /// <summary>
    /// Answers held back at a time; more are given at once. Nobody is turned away unheard: who shares an address with an attacker, or a proxy that
    /// is not trusted, would be locked out with him.
    /// </summary>
    public const int MaxDelayed = 256;

    /// <summary>Sources counted at a time.</summary>
    public const int Capacity = 20_000;

    /// <summary>The time within which refusals count together.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan AlertKept = TimeSpan.FromHours(24);
    private static readonly TimeSpan TrimInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SettleInterval = TimeSpan.FromSeconds(10);

    // What says that somebody was not let in, in the words of all faces.
    private static readonly HashSet<string> Refused = new(StringComparer.Ordinal)
    {
        "UNAUTHORIZED", "DENIED", "Unauthorized", "Denied", "AccessDenied", "AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId",
        "InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignatureException", "IncompleteSignature", "ExpiredToken", "ExpiredTokenException",
        "TokenExpired", "InvalidIdentityToken", "IDPRejectedClaim", "InvalidToken",
    };

    private readonly ConcurrentDictionary<(RefusalSource, string), Entry> entries = new();
    private readonly Lock trimming = new();
    private int bursts;
    private int delayed;
    private long trimmedAt;
    private long settledAt;

    /// <summary>Whether nobody is being refused again and again just now: then nothing needs to be asked.</summary>
    public bool IsCalm
    {
        get
        {
            if (Volatile.Read(ref bursts) == 0) return true;
            if (time.GetElapsedTime(Volatile.Read(ref settledAt)) >= SettleInterval) Settle();
            return false;
        }
    }

    /// <summary>Whether a call was refused for who made it. A call without credentials is merely asked for them.</summary>
    public static bool IsRefusal(CallRecord record, HttpContext http) =>
        record.ErrorCode is { } error && Refused.Contains(error)
        && (record.Caller is { Principal.Kind: not PrincipalKind.Anonymous } || record.AccessKeyId is not null || http.Request.Headers.Authorization.Count > 0
            || error is "InvalidIdentityToken" or "IDPRejectedClaim" or "ExpiredTokenException");

    /// <summary>Counts a refusal.</summary>
    public void Note(CallRecord record, HttpContext http)
    {
        Note(RefusalSource.Address, Address(http), null, record);
        var principal = record.Caller?.Principal;
        if ((record.Caller?.AccessKey?.Id ?? record.AccessKeyId) is { Length: > 0 and <= 128 } key) Note(RefusalSource.AccessKey, key, principal?.Account, record);
        if (principal is { Kind: not PrincipalKind.Anonymous }) Note(RefusalSource.Principal, principal.Arn, principal.Account, record);
    }

    /// <summary>Holds the answer of a refused call back, when there were many before it.</summary>
    public async Task HoldBackAsync(CallRecord record, HttpContext http)
    {
        var delay = Delay(RefusalSource.Address, Address(http));
        if ((record.Caller?.AccessKey?.Id ?? record.AccessKeyId) is { } key) delay = Longer(delay, Delay(RefusalSource.AccessKey, key));
        if (record.Caller?.Principal is { Kind: not PrincipalKind.Anonymous } principal) delay = Longer(delay, Delay(RefusalSource.Principal, principal.Arn));
        if (delay == TimeSpan.Zero) return;
        try
        {
            if (Interlocked.Increment(ref delayed) <= MaxDelayed) await Task.Delay(delay, time, http.RequestAborted);
        }
        catch (OperationCanceledException)
        {
            // The client did not wait for the answer.
        }
        finally
        {
            Interlocked.Decrement(ref delayed);
        }
    }

    /// <summary>Bursts that go on or ended within a day, the latest first.</summary>
    public List<RefusalAlert> Alerts()
    {
        var now = time.GetUtcNow();
        var alerts = new List<RefusalAlert>();
        foreach (var ((source, value), entry) in entries)
        {
            lock (entry)
            {
                if (entry.InBurst || entry.WasBurst)
                    alerts.Add(new RefusalAlert(source, value, entry.Account, entry.BurstCount, entry.BurstSince, entry.LastAt, entry.LastError, entry.LastEvent, entry.InBurst && now - entry.LastAt < Window));
            }
        }

        alerts.Sort(static (a, b) => b.LastAt.CompareTo(a.LastAt));
        return alerts;
    }

    private static TimeSpan Longer(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private static string Address(HttpContext http)
    {
        var address = ClientAddress.Of(http);
        if (address.AddressFamily != AddressFamily.InterNetworkV6) return address.ToString();
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes) + "/64";
    }

    private TimeSpan Delay(RefusalSource source, string value)
    {
        if (!entries.TryGetValue((source, value), out var entry)) return TimeSpan.Zero;
        lock (entry)
        {
            var since = time.GetUtcNow() - entry.WindowAt;
            if (!entry.InBurst || since >= Window * 2) return TimeSpan.Zero;
            var beyond = (int)Math.Min(10, Math.Max(0, Math.Max(entry.Count, entry.Before) - Threshold));
            return TimeSpan.FromTicks(Math.Min(options.MaxDelay.Ticks, FirstDelay.Ticks << beyond));
        }
    }

    private void Note(RefusalSource source, string value, string? account, CallRecord record)
    {
        var now = time.GetUtcNow();
        if (!entries.TryGetValue((source, value), out var entry))
        {
            if (entries.Count >= Capacity && !TryTrim(now)) return;
            entry = entries.GetOrAdd((source, value), static (_, at) => new Entry { WindowAt = at }, now);
        }

        var began = false;
        lock (entry)
        {
            if (now - entry.WindowAt >= Window)
            {
                // The window before this one keeps a burst going; two quiet ones end it.
                entry.Before = now - entry.WindowAt < Window * 2 ? entry.Count : 0;
                entry.Count = 0;
                entry.WindowAt = now;
                if (entry.InBurst && entry.Before < Threshold) End(entry);
            }

            entry.Count++;
            entry.LastAt = now;
            entry.LastError = record.ErrorCode ?? "";
            entry.LastEvent = record.EventName;
            entry.Account ??= account;
            if (entry.InBurst)
            {
                entry.BurstCount++;
            }
            else if (entry.Count >= Threshold)
            {
                (entry.InBurst, entry.BurstCount, entry.BurstSince, began) = (true, entry.Count, entry.WindowAt, true);
                Interlocked.Increment(ref bursts);
            }
        }

        if (began) logger.RefusedAgainAndAgain(source, value, Threshold, record.EventName ?? "", record.ErrorCode ?? "");
    }

    private void End(Entry entry)
    {
        (entry.InBurst, entry.WasBurst) = (false, true);
        Interlocked.Decrement(ref bursts);
    }

    /// <summary>Ends bursts whose source has gone quiet.</summary>
    private void Settle()
    {
        Volatile.Write(ref settledAt, time.GetTimestamp());
        var now = time.GetUtcNow();
        foreach (var entry in entries.Values)
        {
            lock (entry)
                if (entry.InBurst && now - entry.LastAt >= Window * 2) End(entry);
        }
    }

    /// <summary>Makes room: what is over goes, and then single refusals. False when there is none to make.</summary>
    private bool TryTrim(DateTimeOffset now)
    {
        lock (trimming)
        {
            if (entries.Count < Capacity) return true;
            if (time.GetElapsedTime(trimmedAt) < TrimInterval) return false;
            trimmedAt = time.GetTimestamp();
            foreach (var (key, entry) in entries)
            {
                lock (entry)
                {
                    if (entry.InBurst && now - entry.LastAt >= Window * 2) End(entry);
                    if (entry.InBurst || (entry.WasBurst && now - entry.LastAt < AlertKept && entries.Count < Capacity * 9 / 10)) continue;
                }

                entries.TryRemove(key, out _);
            }

            return entries.Count < Capacity;
        }
    }

    private sealed class Entry
    {
        public DateTimeOffset WindowAt { get; set; }

        public long Count { get; set; }

        public long Before { get; set; }

        public bool InBurst { get; set; }

        public bool WasBurst { get; set; }

        public long BurstCount { get; set; }

        public DateTimeOffset BurstSince { get; set; }

        public DateTimeOffset LastAt { get; set; }

        public string LastError { get; set; } = "";

        public string? LastEvent { get; set; }

        public string? Account { get; set; }
    }
}

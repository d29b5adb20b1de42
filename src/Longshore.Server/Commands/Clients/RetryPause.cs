namespace Longshore.Server.Commands.Clients;

/// <summary>How long a client waits before it tries again.</summary>
internal static class RetryPause
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan MostOfOwn = TimeSpan.FromSeconds(30);

    // A registry that says longer (a quota of hours) is not waited for: that try fails, and the next run goes on.
    private static readonly TimeSpan MostTold = TimeSpan.FromMinutes(5);

    /// <summary>The wait: as long as the server told, else longer each time, up to 30 s.</summary>
    /// <param name="attempt">Tries so far, from 1.</param>
    /// <param name="told">What the server told; null for nothing.</param>
    public static TimeSpan Before(int attempt, TimeSpan? told)
    {
        if (told is { } wait) return wait < MostTold ? wait : MostTold;
        var own = First * (1 << Math.Min(attempt, 8));
        return own < MostOfOwn ? own : MostOfOwn;
    }

    /// <summary>The header <c>Retry-After</c>, seconds or a date (RFC 9110 section 10.2.3); null without one.</summary>
    public static TimeSpan? ToldBy(HttpResponseMessage response, TimeProvider time)
    {
        var told = response.Headers.RetryAfter?.Delta ?? response.Headers.RetryAfter?.Date - time.GetUtcNow();
        return told is { } wait && wait < TimeSpan.Zero ? TimeSpan.Zero : told;
    }
}

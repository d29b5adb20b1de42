namespace Longshore.Server.Content;

/// <summary>Which pulls are sent to the store of bodies, instead of passing through this server.</summary>
internal enum PullRedirects
{
    /// <summary>Large bodies, when the operator declared that clients reach the store.</summary>
    Auto,

    /// <summary>All bodies, when the store can serve them.</summary>
    Always,

    /// <summary>None.</summary>
    Never,
}

/// <summary>How pulls are redirected.</summary>
internal sealed record RedirectOptions(PullRedirects Redirects = PullRedirects.Auto)
{
    /// <summary>Bodies below this many bytes are cheaper to serve than to send for.</summary>
    public const long Threshold = 1 << 20;

    /// <summary>How long the URLs are good for.</summary>
    public static TimeSpan Lifetime { get; } = TimeSpan.FromMinutes(15);
}

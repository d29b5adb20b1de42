using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace Longshore.Server.Hosting;

/// <summary>One address to listen on.</summary>
/// <param name="Host">An IP address, <c>localhost</c>, or <c>*</c> for every address of the machine.</param>
/// <param name="Port">0 lets the system choose a free port.</param>
/// <param name="Scheme"><c>http</c> or <c>https</c>; null when none was written: https exactly when a certificate is given.</param>
internal readonly record struct ListenAddress(string Host, int Port, string? Scheme)
{
    /// <summary>Whether only this machine reaches it.</summary>
    public bool IsLoopback => Host == "localhost" || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address));

    /// <summary>Parses <c>[http://|https://]HOST:PORT</c>; a path, a user name or a query is refused.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out ListenAddress address)
    {
        address = default;
        if (string.IsNullOrWhiteSpace(text)) return false;
        var rest = text.AsSpan().TrimEnd('/');
        string? scheme = null;
        if (rest.IndexOf("://", StringComparison.Ordinal) is >= 0 and var colon)
        {
            scheme = rest[..colon].ToString();
            if (scheme is not ("http" or "https")) return false;
            rest = rest[(colon + 3)..];
        }
        var last = rest.LastIndexOf(':');
        if (last <= 0 || !int.TryParse(rest[(last + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port > 65535) return false;
        var host = rest[..last];
        if (host.Length > 2 && host[0] == '[' && host[^1] == ']') host = host[1..^1];
        else if (host.Contains(':')) return false;
        var isName = host is "localhost" or "*";
        if (!isName && !IPAddress.TryParse(host, out _)) return false;
        // Kestrel binds localhost on both address families, and two families cannot be given the same free port at once.
        if (host is "localhost" && port == 0) return false;
        address = new ListenAddress(host.ToString(), port, scheme);
        return true;
    }

    /// <summary>
    /// The URL under which clients on this machine reach an address that the server says it is bound to: an address that
    /// means "all" is replaced by the loopback one.
    /// </summary>
    public static string Reachable(string boundUrl)
    {
        var uri = new UriBuilder(boundUrl);
        uri.Host = uri.Host switch { "0.0.0.0" or "*" or "+" => "127.0.0.1", "[::]" => "localhost", var host => host };
        return uri.Uri.GetLeftPart(UriPartial.Authority);
    }
}

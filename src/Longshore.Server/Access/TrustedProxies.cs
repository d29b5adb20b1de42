using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Primitives;

namespace Longshore.Server.Access;

/// <summary>
/// The proxies whose <c>X-Forwarded-For</c> and <c>X-Forwarded-Proto</c> are believed. Each proxy appends the address it was called from, so
/// the list is read from its end, for as long as the one that said so is trusted: what a client wrote there itself is never reached.
/// </summary>
/// <param name="networks">Their addresses.</param>
internal sealed class TrustedProxies(IReadOnlyList<IPNetwork> networks)
{
    /// <summary>Most proxies in a row that are followed.</summary>
    public const int MaxHops = 16;

    private const string ForwardedFor = "X-Forwarded-For";
    private const string ForwardedProto = "X-Forwarded-Proto";

    /// <summary>Reads one network: an address, or an address and a prefix length, whose other bits are 0.</summary>
    public static bool TryParse(string text, out IPNetwork network)
    {
        network = default;
        if (text.Contains('/', StringComparison.Ordinal)) return IPNetwork.TryParse(text, out network);
        if (!TryParseAddress(text, out var address)) return false;
        network = new IPNetwork(address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128);
        return true;
    }

    /// <summary>The client of a connection: its peer, or whom its peer, when it is trusted, speaks for.</summary>
    /// <param name="peer">The other end of the connection.</param>
    /// <param name="secure">Whether the connection is under TLS.</param>
    /// <param name="headers">The request's headers.</param>
    public ClientAddress Find(IPAddress peer, bool secure, IHeaderDictionary headers)
    {
        var client = ClientAddress.Normalise(peer);
        if (!IsTrusted(client)) return new ClientAddress(client, secure);

        var entries = Entries(headers[ForwardedFor]);
        var hops = 0;
        while (hops < Math.Min(entries.Length, MaxHops) && IsTrusted(client))
        {
            // What is no address hides who called: the proxy before it is all that is known.
            if (!TryParseAddress(WithoutPort(entries[^(hops + 1)]), out var said)) break;
            client = said;
            hops++;
        }

        // A proxy that keeps the header as a list has one entry for each hop; most replace it, and then there is one.
        var schemes = Entries(headers[ForwardedProto]);
        if (schemes.Length > 0) secure = schemes[Math.Max(0, schemes.Length - Math.Max(1, hops))].Equals("https", StringComparison.OrdinalIgnoreCase);
        return new ClientAddress(client, secure);
    }

    /// <summary>Whether an address is one of theirs; it must be normalised.</summary>
    public bool IsTrusted(IPAddress address)
    {
        foreach (var network in networks)
            if (network.Contains(address)) return true;
        return false;
    }

    private static string[] Entries(StringValues values) =>
        values.Count == 0 ? [] : values.ToString().Split(',', StringSplitOptions.TrimEntries);

    private static string WithoutPort(string entry)
    {
        if (entry.StartsWith('['))
        {
            var end = entry.IndexOf(']', StringComparison.Ordinal);
            return end < 0 ? entry : entry[1..end];
        }

        var colon = entry.IndexOf(':', StringComparison.Ordinal);
        return colon >= 0 && colon == entry.LastIndexOf(':') ? entry[..colon] : entry;
    }

    // Stricter than the platform, which reads "1" as 0.0.0.1 and octal and hexadecimal parts.
    private static bool TryParseAddress(string text, out IPAddress address)
    {
        address = IPAddress.None;
        if (text.Contains('%', StringComparison.Ordinal) || !IPAddress.TryParse(text, out var parsed)) return false;
        if (parsed.AddressFamily == AddressFamily.InterNetwork && parsed.ToString() != text) return false;
        address = ClientAddress.Normalise(parsed);
        return true;
    }
}

/// <summary>Puts the client's address on every request of a server behind trusted proxies; without them there is nothing to do.</summary>
internal sealed class ForwardedClient(RequestDelegate next, TrustedProxies proxies)
{
    /// <summary>Runs the rest of the pipeline.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        if (context.Connection.RemoteIpAddress is { } peer) context.Features.Set(proxies.Find(peer, context.Request.IsHttps, context.Request.Headers));
        return next(context);
    }
}

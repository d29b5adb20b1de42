using System.Net;

namespace Longshore.Server.Access;

/// <summary>
/// Where a request comes from, as policies (<c>aws:SourceIp</c>, <c>aws:SecureTransport</c>) and the trail see it: the peer of the connection or,
/// behind a proxy that the operator trusts, what that proxy says.
/// </summary>
/// <param name="Address">Never IPv4-mapped IPv6, never with a zone.</param>
/// <param name="Secure">Whether the client's own connection is under TLS.</param>
internal sealed record ClientAddress(IPAddress Address, bool Secure)
{
    /// <summary>The client's address; 255.255.255.255 when the connection has none (not TCP), which no policy means by accident.</summary>
    public static IPAddress Of(HttpContext http) =>
        http.Features.Get<ClientAddress>()?.Address ?? Normalise(http.Connection.RemoteIpAddress ?? IPAddress.None);

    /// <summary>Whether the client speaks TLS, with this server or with a trusted proxy before it.</summary>
    public static bool IsSecure(HttpContext http) => http.Features.Get<ClientAddress>()?.Secure ?? http.Request.IsHttps;

    /// <summary>One spelling per address: an IPv4-mapped IPv6 address is its IPv4 address, and a link-local one has no zone.</summary>
    public static IPAddress Normalise(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) return address.MapToIPv4();
        return address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 && address.ScopeId != 0
            ? new IPAddress(address.GetAddressBytes()) : address;
    }
}

using System.Net;
using System.Net.Sockets;
using Longshore.Server.Access;
using Microsoft.AspNetCore.Connections;

namespace Longshore.Server.Hosting;

/// <summary>
/// How many connections one remote address may hold; those beyond are closed before a byte of them is read. An IPv6 host has a /64 to choose
/// addresses from, which counts as one. Trusted proxies are not counted: their connections are other people's.
/// </summary>
internal sealed class ConnectionLimit(int perAddress, TrustedProxies proxies, ILogger<ConnectionLimit> logger)
{
    private readonly Lock sync = new();

    // Bounded by the connections that are open.
    private readonly Dictionary<IPAddress, int> open = [];

    /// <summary>Runs a connection, or closes it.</summary>
    public async Task RunAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        if (perAddress == 0 || connection.RemoteEndPoint is not IPEndPoint { Address: var remote })
        {
            await next(connection);
            return;
        }

        var address = ClientAddress.Normalise(remote);
        if (proxies.IsTrusted(address))
        {
            await next(connection);
            return;
        }

        var network = NetworkOf(address);
        if (!TryEnter(network))
        {
            logger.TooManyConnections(network, perAddress);
            connection.Abort(new ConnectionAbortedException("Too many connections from this address."));
            return;
        }

        try
        {
            await next(connection);
        }
        finally
        {
            Leave(network);
        }
    }

    /// <summary>Counts a connection; false when the address has as many as it may.</summary>
    public bool TryEnter(IPAddress network)
    {
        lock (sync)
        {
            var count = open.GetValueOrDefault(network);
            if (count >= perAddress) return false;
            open[network] = count + 1;
            return true;
        }
    }

    /// <summary>Uncounts a connection.</summary>
    public void Leave(IPAddress network)
    {
        lock (sync)
        {
            if (open[network] == 1) open.Remove(network);
            else open[network]--;
        }
    }

    /// <summary>What counts as one address: an IPv4 address, or the /64 of an IPv6 one.</summary>
    public static IPAddress NetworkOf(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6) return address;
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        bytes[8..].Clear();
        return new IPAddress(bytes);
    }
}

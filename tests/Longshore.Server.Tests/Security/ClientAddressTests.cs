using System.Net;
using Longshore.Server.Access;
using Microsoft.AspNetCore.Http;

namespace Longshore.Server.Tests.Security;

public sealed class ClientAddressTests
{
    private static readonly TrustedProxies Proxies = new([Network("10.0.0.0/8"), Network("192.0.2.7"), Network("fd00::/8")]);

    [Theory]
    [InlineData("203.0.113.9", "198.51.100.1", "203.0.113.9")]
    [InlineData("203.0.113.9", null, "203.0.113.9")]
    [InlineData("::ffff:203.0.113.9", "198.51.100.1", "203.0.113.9")]
    [InlineData("fe80::1%3", null, "fe80::1")]
    public void Headers_of_a_stranger_are_ignored(string peer, string? forwardedFor, string client) =>
        Assert.Equal(new ClientAddress(IPAddress.Parse(client), false), Find(peer, forwardedFor, "https"));

    [Theory]
    [InlineData("10.1.2.3", "198.51.100.1", "198.51.100.1")]
    [InlineData("::ffff:10.1.2.3", "198.51.100.1", "198.51.100.1")]
    [InlineData("fd00::5", "198.51.100.1:4711", "198.51.100.1")]
    [InlineData("10.1.2.3", "[2001:db8::1]:4711", "2001:db8::1")]
    [InlineData("10.1.2.3", "2001:db8::1", "2001:db8::1")]
    [InlineData("10.1.2.3", "::ffff:198.51.100.1", "198.51.100.1")]
    [InlineData("10.1.2.3", null, "10.1.2.3")]
    [InlineData("10.1.2.3", "", "10.1.2.3")]
    public void A_trusted_proxy_says_who_called(string peer, string? forwardedFor, string client) =>
        Assert.Equal(IPAddress.Parse(client), Find(peer, forwardedFor, null).Address);

    [Theory]
    [InlineData("127.0.0.1, 198.51.100.1")]
    [InlineData("10.9.9.9, 198.51.100.1, 10.1.1.1")]
    [InlineData("8.8.8.8,198.51.100.1,192.0.2.7")]
    public void What_the_client_wrote_before_its_own_address_is_never_reached(string forwardedFor) =>
        Assert.Equal(IPAddress.Parse("198.51.100.1"), Find("10.1.2.3", forwardedFor, null).Address);

    [Theory]
    [InlineData("198.51.100.1, unknown")]
    [InlineData("198.51.100.1, 1")]
    [InlineData("198.51.100.1, 0x7f.0.0.1")]
    [InlineData("198.51.100.1, 127.1")]
    [InlineData("198.51.100.1, fe80::1%25")]
    [InlineData("198.51.100.1, ")]
    [InlineData("198.51.100.1, [::1")]
    public void What_is_no_address_leaves_the_proxy_as_the_client(string forwardedFor) =>
        Assert.Equal(IPAddress.Parse("10.1.2.3"), Find("10.1.2.3", forwardedFor, null).Address);

    [Fact]
    public void Only_so_many_proxies_in_a_row_are_followed() =>
        Assert.Equal(IPAddress.Parse("10.0.0.1"), Find("10.1.2.3", string.Join(',', Enumerable.Repeat("10.0.0.1", 5000)), null).Address);

    [Theory]
    [InlineData("198.51.100.1", "https", true)]
    [InlineData("198.51.100.1", "HTTPS", true)]
    [InlineData("198.51.100.1", "http", false)]
    [InlineData("198.51.100.1", "https, http", false)]
    [InlineData("198.51.100.1, 10.0.0.1", "https, http", true)]
    [InlineData("198.51.100.1, 10.0.0.1", "https", true)]
    [InlineData("198.51.100.1", "ftp", false)]
    [InlineData(null, "https", true)]
    public void The_scheme_is_that_of_the_hop_whose_client_it_is(string? forwardedFor, string proto, bool secure) =>
        Assert.Equal(secure, Find("10.1.2.3", forwardedFor, proto).Secure);

    [Fact]
    public async Task The_request_knows_its_client_with_and_without_proxies()
    {
        var http = new DefaultHttpContext();
        http.Connection.RemoteIpAddress = IPAddress.Parse("::ffff:10.1.2.3");
        http.Request.Headers["X-Forwarded-For"] = "198.51.100.1";
        http.Request.Headers["X-Forwarded-Proto"] = "https";
        Assert.Equal(IPAddress.Parse("10.1.2.3"), ClientAddress.Of(http));
        Assert.False(ClientAddress.IsSecure(http));

        await new ForwardedClient(_ => Task.CompletedTask, Proxies).InvokeAsync(http);
        Assert.Equal(IPAddress.Parse("198.51.100.1"), ClientAddress.Of(http));
        Assert.True(ClientAddress.IsSecure(http));
    }

    [Theory]
    [InlineData("10.0.0.0/8", true)]
    [InlineData("10.0.0.1", true)]
    [InlineData("::1", true)]
    [InlineData("2001:db8::/32", true)]
    [InlineData("10.0.0.0/33", false)]
    [InlineData("10", false)]
    [InlineData("proxy.example.com", false)]
    [InlineData("", false)]
    public void Networks_are_read_strictly(string text, bool good) => Assert.Equal(good, TrustedProxies.TryParse(text, out _));

    private static IPNetwork Network(string text)
    {
        Assert.True(TrustedProxies.TryParse(text, out var network));
        return network;
    }

    private static ClientAddress Find(string peer, string? forwardedFor, string? proto)
    {
        var headers = new HeaderDictionary();
        if (forwardedFor is not null) headers["X-Forwarded-For"] = forwardedFor;
        if (proto is not null) headers["X-Forwarded-Proto"] = proto;
        return Proxies.Find(IPAddress.Parse(peer), false, headers);
    }
}

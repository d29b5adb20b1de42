using Longshore.Server.Hosting;
using Longshore.Server.Tests.Hosting;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Security;

/// <summary>Plain HTTP that other machines reach is nothing that happens by accident.</summary>
public sealed class ExposureTests
{
    [Theory]
    [InlineData("http://127.0.0.1:0")]
    [InlineData("http://127.8.8.8:0")]
    [InlineData("http://[::1]:0")]
    [InlineData("localhost:5000")]
    public void Loopback_needs_no_leave(string listen) => Assert.Empty(Read(listen));

    [Theory]
    [InlineData("http://0.0.0.0:5000")]
    [InlineData("http://*:5000")]
    [InlineData("http://[::]:5000")]
    [InlineData("192.168.1.10:5000")]
    [InlineData("http://[2001:db8::1]:5000")]
    [InlineData("http://[::ffff:10.0.0.1]:5000")]
    public void Other_addresses_need_TLS_or_leave(string listen)
    {
        var error = Assert.Single(Read(listen));
        Assert.StartsWith("--allow-plain-http, LONGSHORE_ALLOW_PLAIN_HTTP", error, StringComparison.Ordinal);
        Assert.Contains("tls-cert", error, StringComparison.Ordinal);
        Assert.Empty(Read(listen, ("allow-plain-http", "true")));
    }

    [Fact]
    public void TLS_is_leave_enough_for_its_own_address_alone()
    {
        using var directory = new TemporaryDirectory();
        var (cert, key) = TestCertificates.Write(directory, "a", "localhost");
        Assert.Empty(Read("https://0.0.0.0:5000", ("tls-cert", cert), ("tls-key", key)));
        Assert.Empty(Read("0.0.0.0:5000", ("tls-cert", cert), ("tls-key", key)));
        var reader = new ServeOptionsReader();
        _ = reader.Read(
            option => option switch { "listen" => ["https://0.0.0.0:5000", "http://0.0.0.0:5001"], "tls-cert" => [cert], "tls-key" => [key], _ => null }, _ => null, null);
        Assert.Contains("0.0.0.0:5001", Assert.Single(reader.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_that_would_be_exposed_does_not_start_and_says_all_that_is_wrong()
    {
        using var directory = new TemporaryDirectory();
        var refused = await Binary.RunAsync("serve", "--listen", "http://0.0.0.0:0", "--region", "mars", "--data", directory.Combine("d"));
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("2 things are wrong", refused.StandardError, StringComparison.Ordinal);
        Assert.Contains("--allow-plain-http", refused.StandardError, StringComparison.Ordinal);
        Assert.False(Directory.Exists(directory.Combine("d")));
        // What only asks for an address does not listen.
        Assert.Equal(0, (await Binary.RunAsync("env", "--listen", "http://0.0.0.0:5000")).ExitCode);
    }

    private static IReadOnlyList<string> Read(string listen, params (string Key, string Value)[] others)
    {
        var reader = new ServeOptionsReader();
        _ = reader.Read(key => key == "listen" ? [listen] : others.Where(o => o.Key == key).Select(o => new[] { o.Value }).FirstOrDefault(), _ => null, null);
        return reader.Errors;
    }
}

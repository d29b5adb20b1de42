// The certificates are signed by nobody; which one is served is the question here.
#pragma warning disable CA5359
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Hosting;

/// <summary>HTTPS from PEM files that change under the server.</summary>
public sealed partial class TlsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Certificate_is_replaced_when_its_files_change_and_kept_when_the_new_ones_are_broken()
    {
        using var directory = new TemporaryDirectory();
        var (cert, key) = TestCertificates.Write(directory, "live", "first");
        await using var server = await LongshoreProcess.StartAsync(
            new LongshoreOptions { Arguments = ["--listen", "https://127.0.0.1:0", "--tls-cert", cert, "--tls-key", key] }, Token);
        var port = await PortAsync(server);
        Assert.Equal("CN=first", await SubjectAsync(port));

        TestCertificates.Write(directory, "live", "second");
        await UntilAsync(async () => await SubjectAsync(port) == "CN=second");

        await File.WriteAllTextAsync(cert, "-----BEGIN CERTIFICATE-----\nbroken\n", Token);
        await UntilAsync(() => Task.FromResult(server.Output.Contains("the old one stays", StringComparison.Ordinal)));
        Assert.Equal("CN=second", await SubjectAsync(port));

        TestCertificates.Write(directory, "live", "third");
        await UntilAsync(async () => await SubjectAsync(port) == "CN=third");
    }

    [Fact]
    public async Task Http_2_is_spoken_over_TLS()
    {
        using var directory = new TemporaryDirectory();
        var (cert, key) = TestCertificates.Write(directory, "live", "localhost");
        await using var server = await LongshoreProcess.StartAsync(
            new LongshoreOptions { Arguments = ["--listen", "https://127.0.0.1:0", "--tls-cert", cert, "--tls-key", key] }, Token);
        using var handler = new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = Accept } };
        using var client = new HttpClient(handler);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"https://127.0.0.1:{await PortAsync(server)}/healthz")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var response = await client.SendAsync(request, Token);
        Assert.Equal((HttpStatusCode.OK, HttpVersion.Version20), (response.StatusCode, response.Version));
    }

    // The line of the second listener may be read a moment after the one that the server counts as started by.
    private static async Task<int> PortAsync(LongshoreProcess server)
    {
        await UntilAsync(() => Task.FromResult(HttpsLine().IsMatch(server.Output)));
        return int.Parse(HttpsLine().Match(server.Output).Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
    }

    private static async Task<string> SubjectAsync(int port)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, port, Token);
        await using var tls = new SslStream(socket.GetStream(), false, Accept);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost" }, Token);
        return tls.RemoteCertificate!.Subject;
    }

    private static bool Accept(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) => true;

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(Token);
        bound.CancelAfter(TimeSpan.FromSeconds(30));
        while (!await condition()) await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, bound.Token);
    }

    [GeneratedRegex(@"Listening on https://127\.0\.0\.1:([0-9]+)\n")]
    private static partial Regex HttpsLine();
}

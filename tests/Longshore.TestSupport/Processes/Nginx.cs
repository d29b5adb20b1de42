using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Longshore.TestSupport.Processes;

/// <summary>
/// Debian's nginx as a load balancer on 127.0.0.1: round robin over the servers it is given, no sticky sessions, nothing buffered on its way in. It ends with the
/// test process, however that ends.
/// </summary>
public sealed class Nginx : IDisposable
{
    private const string Program = "/usr/sbin/nginx";

    // No server is ever taken for dead (max_fails=0): where two of three fail within a second, nginx would answer 502 to all rather than ask the third.
    // A request is passed on to another server when no connection could be made, and otherwise only where that is safe: nginx never repeats a POST or
    // PATCH that was sent, nor a body of which a part was.
    private const string Configuration =
        """
        worker_processes 1;
        pid DIR/pid;
        error_log DIR/error.log warn;
        events { worker_connections 2048; }
        http {
            access_log off;
            client_body_temp_path DIR/body;
            proxy_temp_path DIR/proxy;
            fastcgi_temp_path DIR/fastcgi;
            uwsgi_temp_path DIR/uwsgi;
            scgi_temp_path DIR/scgi;
            upstream longshore {
        SERVERS
                keepalive 16;
                keepalive_timeout 1s;
            }
            server {
                listen 127.0.0.1:PORT;
                client_max_body_size 0;
                location / {
                    proxy_pass http://longshore;
                    proxy_http_version 1.1;
                    proxy_set_header Connection "";
                    proxy_set_header Host $http_host;
                    proxy_set_header X-Forwarded-For $remote_addr;
                    proxy_request_buffering off;
                    proxy_buffering off;
                    proxy_connect_timeout 2s;
                    proxy_read_timeout SILENCEs;
                    proxy_send_timeout SILENCEs;
                    proxy_next_upstream error timeout;
                    proxy_next_upstream_tries 3;
                }
            }
        }
        """;

    private const string Script =
        """
        trap '' INT TERM HUP
        "$0" -p "$1" -c "$1/nginx.conf" -g 'daemon off;' >"$1/out" 2>&1 </dev/null &
        pid=$!
        cat >/dev/null || true
        kill $pid 2>/dev/null
        wait $pid
        """;

    private const int SigHangUp = 1;

    private readonly TemporaryDirectory _directory = new("nginx");
    private readonly IReadOnlyList<Uri> _servers;
    private readonly TimeSpan _silence;
    private readonly Process _keeper;

    private Nginx(IReadOnlyList<Uri> servers, TimeSpan silence)
    {
        (_servers, _silence) = (servers, silence);
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            BaseAddress = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/"));
        }

        Write(servers);
        var start = new ProcessStartInfo("/bin/bash") { RedirectStandardInput = true };
        foreach (var argument in (string[])["-c", Script, Program, _directory.Path]) start.ArgumentList.Add(argument);
        _keeper = Process.Start(start)!;
    }

    /// <summary>Where it listens, with a slash at the end.</summary>
    public Uri BaseAddress { get; }

    /// <summary>What it wrote to its log.</summary>
    public string Log => string.Join('\n', new[] { "error.log", "out" }.Select(name => _directory.Combine(name)).Where(File.Exists).Select(File.ReadAllText));

    /// <summary>
    /// Does what balancers do that ask for <c>/readyz</c>, which the free nginx does not: asks five times a second, and loads the configuration anew without the
    /// servers that are not ready. Until it is cancelled.
    /// </summary>
    public async Task WatchAsync(CancellationToken cancellationToken)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        var before = _servers.ToList();
        try
        {
            while (true)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, cancellationToken);
                var answers = await Task.WhenAll(_servers.Select(server => IsReadyAsync(client, server, cancellationToken)));
                List<Uri> ready = [.. _servers.Where((_, i) => answers[i])];
                if (ready.Count == 0 || ready.SequenceEqual(before)) continue;
                Write(ready);
                _ = NativeKill(int.Parse(await File.ReadAllTextAsync(_directory.Combine("pid"), cancellationToken), CultureInfo.InvariantCulture), SigHangUp);
                before = ready;
            }
        }
        catch (OperationCanceledException)
        {
            // Told to stop.
        }
    }

    /// <summary>Starts a balancer and waits until it listens.</summary>
    /// <param name="servers">Where the servers listen.</param>
    /// <param name="silence">How long a server may be silent before it is given up; whole seconds.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="SkipTestException">Debian's nginx is not installed, outside CI.</exception>
    public static async Task<Nginx> StartAsync(IReadOnlyList<Uri> servers, TimeSpan silence, CancellationToken cancellationToken)
    {
        Requires.Tool(Program);
        var nginx = new Nginx(servers, silence);
        for (var i = 0; ; i++)
        {
            try
            {
                using var connection = new TcpClient();
                await connection.ConnectAsync(IPAddress.Loopback, nginx.BaseAddress.Port, cancellationToken);
                return nginx;
            }
            catch (SocketException) when (i < 200)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, cancellationToken);
            }
            catch
            {
                nginx.Dispose();
                throw;
            }
        }
    }

    /// <summary>Ends it.</summary>
    public void Dispose()
    {
        _keeper.StandardInput.Close();
        if (!_keeper.WaitForExit(TimeSpan.FromSeconds(10))) _keeper.Kill(entireProcessTree: true);
        _keeper.Dispose();
        _directory.Dispose();
    }

    private static async Task<bool> IsReadyAsync(HttpClient client, Uri server, CancellationToken cancellationToken)
    {
        try
        {
            using var answer = await client.GetAsync(new Uri(server, "readyz"), cancellationToken);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && e is HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }

    private void Write(IEnumerable<Uri> servers)
    {
        var lines = servers.Select(static server => $"        server {server.Authority} max_fails=0;");
        File.WriteAllText(_directory.Combine("nginx.conf"), Configuration
            .Replace("SERVERS", string.Join('\n', lines), StringComparison.Ordinal)
            .Replace("PORT", BaseAddress.Port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("SILENCE", ((int)_silence.TotalSeconds).ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("DIR", _directory.Path, StringComparison.Ordinal));
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int NativeKill(int processId, int signal);
}

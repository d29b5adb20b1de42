using System.Diagnostics;
using System.Runtime.InteropServices;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Clients;

/// <summary>
/// Debian's docker daemon on a directory and a socket of its own, with the containerd that it starts. Needs root and neither
/// systemd nor a network: no bridge, no packet filter, images unpacked by plain copying.
/// </summary>
internal sealed class DockerDaemon : IAsyncDisposable
{
    /// <summary>Debian's client, wherever another one may be first on <c>PATH</c>.</summary>
    public const string Client = "/usr/bin/docker";

    private const string Daemon = "/usr/sbin/dockerd";
    private const int SigTerm = 15;
    private readonly TemporaryDirectory _directory = new("docker");
    private Process? _process;

    private DockerDaemon()
    {
    }

    /// <summary>What a docker client needs to find this daemon, and to keep its logins apart from the user's.</summary>
    public Dictionary<string, string?> Environment => new()
    {
        ["DOCKER_HOST"] = $"unix://{_directory.Combine("docker.sock")}",
        ["DOCKER_CONFIG"] = _directory.Combine("config"),
    };

    /// <summary>The socket of the daemon's containerd, for <c>ctr</c>.</summary>
    public string ContainerdSocket => _directory.Combine("exec", "containerd", "containerd.sock");

    /// <summary>Starts a daemon and waits until it answers.</summary>
    /// <exception cref="TimeoutException">It does not within a minute; the message holds its log.</exception>
    public static async Task<DockerDaemon> StartAsync(CancellationToken cancellationToken)
    {
        Requires.Tool(Daemon);
        Requires.Tool(Client);
        Requires.That(System.Environment.IsPrivilegedProcess, "root, to start a docker daemon");
        var daemon = new DockerDaemon();
        try
        {
            await daemon.StartProcessAsync(cancellationToken);
            return daemon;
        }
        catch
        {
            await daemon.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs <c>docker</c>; throws unless it ends with 0.</summary>
    /// <returns>Its standard output, trimmed.</returns>
    public async Task<string> RunAsync(IEnumerable<string> arguments, CancellationToken cancellationToken, string? input = null) =>
        (await CommandRunner.RunAsync(Client, arguments, cancellationToken, Environment, input: input)).StandardOutput.Trim();

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            // SIGTERM, or its containerd would stay behind.
            _ = NativeKill(_process.Id, SigTerm);
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            try
            {
                await _process.WaitForExitAsync(deadline.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill(entireProcessTree: true);
            }
        }
        _process?.Dispose();
        _directory.Dispose();
    }

    private async Task StartProcessAsync(CancellationToken cancellationToken)
    {
        var log = _directory.Combine("dockerd.log");
        string[] command =
        [
            "exec", Daemon, "--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs",
            "--data-root", _directory.Combine("data"), "--exec-root", _directory.Combine("exec"),
            "--pidfile", _directory.Combine("docker.pid"), "-H", Environment["DOCKER_HOST"]!, ">" + log, "2>&1",
        ];
        // A temporary directory's name has no character that a shell would take apart.
        var start = new ProcessStartInfo("/bin/sh") { ArgumentList = { "-c", string.Join(' ', command) } };
        // Nothing here is fetched from elsewhere, and a proxy would not reach 127.0.0.1.
        foreach (var name in (string[])["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"])
            start.Environment.Remove(name);
        _process = Process.Start(start);

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(TimeSpan.FromMinutes(1));
        while ((await CommandRunner.TryRunAsync(Client, ["version"], cancellationToken, Environment)).ExitCode != 0)
        {
            if (_process is null or { HasExited: true } || deadline.IsCancellationRequested)
            {
                throw new TimeoutException("The docker daemon is not there.\n" + await File.ReadAllTextAsync(log, cancellationToken));
            }
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, cancellationToken);
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int NativeKill(int processId, int signal);
}

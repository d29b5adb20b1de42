using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Longshore.TestSupport.Databases;

/// <summary>
/// A PostgreSQL of one test's own, that may be killed, paused, and followed by a standby. It ends with the test process, however that ends: a shell
/// that waits for the end of its input stops it and removes its directory.
/// </summary>
public sealed class PostgresCluster : IAsyncDisposable
{
    // Node 1 is the first primary, node 2 its standby. A postmaster's children end with it; until then its port and memory are not free.
    private const string Script =
        """
        trap '' INT TERM HUP
        bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
        dir=$(mktemp -d "${TMPDIR:-/tmp}/longshore-cluster-XXXXXX")
        as=()
        if [[ $EUID -eq 0 ]]; then chown postgres "$dir"; as=(runuser -u postgres --); fi
        cd "$dir"
        ports=(0 "$1" "$2")
        pid() { head -n 1 "$dir/db$1/postmaster.pid"; }
        all() { local p; p=$(pid "$1"); echo "$p $(ps -o pid= --ppid "$p" | tr '\n' ' ')"; }
        start() {
            local try
            for try in {1..40}; do
                "${as[@]}" "$bin/pg_ctl" -D "$dir/db$1" -w -t 60 -l "$dir/log$1" -o "-p ${ports[$1]} -c listen_addresses=127.0.0.1 -c unix_socket_directories=$dir \
                    -c fsync=off -c max_connections=60 -c shared_buffers=64MB -c cluster_name=node$1" start >/dev/null 2>&1 </dev/null && return
                sleep 0.25
            done
            return 1
        }
        end() { local n; for n in 1 2; do if [[ -e "$dir/db$n/postmaster.pid" ]]; then kill -CONT $(all $n) 2>/dev/null; "${as[@]}" "$bin/pg_ctl" -D "$dir/db$n" -m immediate stop >/dev/null 2>&1; fi; done; rm -rf "$dir"; }
        trap end EXIT
        init() {
            "${as[@]}" "$bin/initdb" -D "$dir/db1" -U longshore --auth=trust --no-sync -E UTF8 --locale=C.UTF-8 >/dev/null && start 1 &&
                "${as[@]}" "$bin/createdb" -h 127.0.0.1 -p "${ports[1]}" -U longshore longshore
        }
        follow() {
            "${as[@]}" "$bin/pg_basebackup" -h 127.0.0.1 -p "${ports[1]}" -U longshore -D "$dir/db2" -R --no-sync -c fast -X stream >/dev/null 2>&1 && start 2 &&
                "${as[@]}" "$bin/psql" -q -h 127.0.0.1 -p "${ports[1]}" -U longshore -d longshore -c "ALTER SYSTEM SET synchronous_standby_names = '*'" -c "SELECT pg_reload_conf()" >/dev/null
        }
        while read -r command node; do
            case "$command" in
                init) init ;;
                start) start "$node" ;;
                kill) kill -9 "$(pid "$node")" ;;
                pause) kill -STOP $(all "$node") ;;
                resume) kill -CONT $(all "$node") ;;
                follow) follow ;;
                promote) "${as[@]}" "$bin/psql" -q -h 127.0.0.1 -p "${ports[$node]}" -U longshore -d longshore -c "ALTER SYSTEM SET synchronous_standby_names = ''" -c "SELECT pg_promote()" >/dev/null ;;
                query) "${as[@]}" "$bin/psql" -q -At -h 127.0.0.1 -p "${ports[1]}" -U longshore -d longshore -c "$node" >/dev/null 2>&1 ;;
            esac
            echo "$?"
        done
        """;

    private readonly Process shell;
    private readonly int[] ports;

    private PostgresCluster(Process shell, int[] ports) => (this.shell, this.ports) = (shell, ports);

    /// <summary>The address of the first node.</summary>
    public string Url => string.Create(CultureInfo.InvariantCulture, $"postgres://longshore@127.0.0.1:{ports[0]}/longshore");

    /// <summary>The address of whichever node is the primary.</summary>
    public string UrlOfBoth => string.Create(CultureInfo.InvariantCulture, $"postgres://longshore@127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}/longshore?target_session_attrs=primary");

    /// <summary>Starts one node with an empty database.</summary>
    public static async Task<PostgresCluster> StartAsync()
    {
        Processes.Requires.That(TestPostgres.IsInstalled, "PostgreSQL (Debian's package postgresql)");
        using var first = new TcpListener(IPAddress.Loopback, 0);
        using var second = new TcpListener(IPAddress.Loopback, 0);
        first.Start();
        second.Start();
        int[] ports = [((IPEndPoint)first.LocalEndpoint).Port, ((IPEndPoint)second.LocalEndpoint).Port];
        first.Stop();
        second.Stop();
        var start = new ProcessStartInfo("/bin/bash") { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (var argument in (string[])["-c", Script, "longshore-test-cluster", .. ports.Select(port => port.ToString(CultureInfo.InvariantCulture))]) start.ArgumentList.Add(argument);
        var cluster = new PostgresCluster(Process.Start(start)!, ports);
        await cluster.DoAsync("init");
        return cluster;
    }

    /// <summary>Kills the node's server without a chance to clean up.</summary>
    public Task KillAsync() => DoAsync("kill 1");

    /// <summary>Starts the killed node again on the same data.</summary>
    public Task StartAgainAsync() => DoAsync("start 1");

    /// <summary>Pauses every process of the node: connections stay, and nothing comes on them.</summary>
    public Task PauseAsync() => DoAsync("pause 1");

    /// <summary>Lets it go on.</summary>
    public Task ResumeAsync() => DoAsync("resume 1");

    /// <summary>Starts a standby that has what is committed before the commit returns.</summary>
    public Task FollowAsync() => DoAsync("follow");

    /// <summary>Makes the standby the primary.</summary>
    public Task PromoteAsync() => DoAsync("promote 2");

    /// <summary>Runs a statement on the first node.</summary>
    public Task ExecuteAsync(string sql) => DoAsync("query " + sql);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        shell.StandardInput.Close();
        await shell.WaitForExitAsync();
        shell.Dispose();
    }

    private async Task DoAsync(string command)
    {
        await shell.StandardInput.WriteLineAsync(command);
        await shell.StandardInput.FlushAsync();
        if (await shell.StandardOutput.ReadLineAsync() is not "0") throw new InvalidOperationException($"PostgreSQL: '{command}' failed.");
    }
}

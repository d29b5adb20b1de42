using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Longshore.Storage.Metadata;
using Npgsql;

namespace Longshore.TestSupport.Databases;

/// <summary>
/// One PostgreSQL server for the test process: Debian's, on a free port of 127.0.0.1, in a temporary directory, started on first use. It ends with
/// the process, however that ends: a shell that waits for the end of its input stops it and removes the directory.
/// </summary>
public static class TestPostgres
{
    // The default collation is a linguistic one on purpose: a column that forgot its own would order names otherwise than SQLite.
    private const string Script =
        """
        set -e
        trap '' INT TERM HUP
        bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
        dir=$(mktemp -d "${TMPDIR:-/tmp}/longshore-postgres-XXXXXX")
        as=()
        if [[ $EUID -eq 0 ]]; then chown postgres "$dir"; as=(runuser -u postgres --); fi
        cd "$dir"
        end() { "${as[@]}" "$bin/pg_ctl" -D "$dir/db" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"; }
        trap end EXIT
        "${as[@]}" "$bin/initdb" -D "$dir/db" -U longshore --auth=trust --no-sync -E UTF8 --locale=C.UTF-8 --locale-provider=icu --icu-locale=en-US >/dev/null
        "${as[@]}" "$bin/pg_ctl" -D "$dir/db" -w -t 60 -l "$dir/log" -o "-p $1 -c listen_addresses=127.0.0.1 -c unix_socket_directories=$dir -c fsync=off \
            -c full_page_writes=off -c max_connections=600 -c shared_buffers=256MB -c max_wal_size=2GB -c deadlock_timeout=200ms" start >/dev/null 2>&1 </dev/null
        echo "ready $dir"
        cat >/dev/null || true
        """;

    private const string Template = "longshore_template";

    private static readonly Lazy<Server> Shared = new(Start);
    private static readonly Lock Creating = new();

    /// <summary>Whether the server can be had on this machine.</summary>
    public static bool IsInstalled => Directory.Exists("/usr/lib/postgresql") && Directory.GetDirectories("/usr/lib/postgresql").Length > 0;

    /// <summary>Makes a database with all migrations applied and gives its URL. Takes some tens of milliseconds.</summary>
    public static string CreateDatabase() => CreateDatabase(TestDatabases.Name());

    /// <summary>Makes a database without a schema and gives its URL.</summary>
    public static string CreateEmptyDatabase()
    {
        var name = TestDatabases.Name();
        Shared.Value.Run($"CREATE DATABASE {name}");
        return Shared.Value.UrlOf(name);
    }

    /// <summary>Removes a database, also from under whoever uses it.</summary>
    public static void DropDatabase(string url)
    {
        if (Shared.IsValueCreated) Shared.Value.Run($"DROP DATABASE IF EXISTS {url[(url.LastIndexOf('/') + 1)..]} WITH (FORCE)");
    }

    /// <summary>The URL of another database of the same server, for what cannot be done from within one.</summary>
    public static string ServerUrl(string url) => url[..(url.LastIndexOf('/') + 1)] + "postgres";

    /// <summary>Runs statements that are not the product's, such as those that end its connections.</summary>
    public static void Execute(string url, string sql)
    {
        using var source = NpgsqlDataSource.Create(Server.ConnectionString(url[(url.LastIndexOf('/') + 1)..], Shared.Value.Port));
        using var command = source.CreateCommand(sql);
        command.CommandTimeout = 0;
        command.ExecuteNonQuery();
    }

    /// <summary>What the server has logged so far.</summary>
    public static string ReadLog() => File.ReadAllText(Path.Combine(Shared.Value.Directory, "log"));

    internal static string CreateDatabase(string name)
    {
        var server = Shared.Value;
        // A template can be copied by one session at a time.
        lock (Creating) server.Run($"CREATE DATABASE {name} TEMPLATE {Template}");
        return server.UrlOf(name);
    }

    private static Server Start()
    {
        Processes.Requires.That(IsInstalled, "PostgreSQL (Debian's package postgresql)");
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        var port = ((IPEndPoint)probe.LocalEndpoint).Port;
        probe.Stop();
        var start = new ProcessStartInfo("/bin/bash") { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (var argument in (string[])["-c", Script, "longshore-test-postgres", port.ToString(CultureInfo.InvariantCulture)]) start.ArgumentList.Add(argument);
        var process = Process.Start(start)!;
        if (process.StandardOutput.ReadLine() is not { } line || !line.StartsWith("ready ", StringComparison.Ordinal)) throw new InvalidOperationException("PostgreSQL did not start.");
        var server = new Server(port, process, line["ready ".Length..]);
        server.Run($"CREATE DATABASE {Template}");
        var address = PostgresAddress.Parse(server.UrlOf(Template), out _)!;
        PostgresDatabase.Open(address, TimeProvider.System).DisposeAsync().AsTask().GetAwaiter().GetResult();
        return server;
    }

    private sealed class Server(int port, Process process, string directory)
    {
        private readonly NpgsqlDataSource source = NpgsqlDataSource.Create(ConnectionString("postgres", port, pooling: true));

        public int Port => port;

        public string Directory => directory;

        /// <summary>Held open: the end of its input ends the server.</summary>
        public Process Keeper => process;

        public static string ConnectionString(string database, int port, bool pooling = false) =>
            string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={port};Username=longshore;Database={database};CommandTimeout=120;Pooling={pooling}");

        public string UrlOf(string name) => string.Create(CultureInfo.InvariantCulture, $"postgres://longshore@127.0.0.1:{port}/{name}");

        public void Run(string sql)
        {
            using var command = source.CreateCommand(sql);
            command.ExecuteNonQuery();
        }
    }
}

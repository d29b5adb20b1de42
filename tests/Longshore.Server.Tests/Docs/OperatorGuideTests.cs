using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Longshore.Server.Tests.Clients;
using Longshore.Server.Tests.Importing;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;
using Longshore.TestSupport.S3;

namespace Longshore.Server.Tests.Docs;

/// <summary>
/// The operator's guide, tried line by line where it needs more than a server: blocks of docs/operate/ with the word <c>backends</c> run against a PostgreSQL
/// with passwords and TLS, Ceph's S3 gateway, and docker-registry with TLS and a login. Of their text only what must be elsewhere is replaced: host names, directories, secrets.
/// </summary>
[Collection(ClientsCollection.Name)]
public sealed class OperatorGuideTests
{
    private const string Secret = "guide-secret";

    // Its bcrypt hash, as docker-registry wants it.
    private const string Hash = "$2y$05$abcdefghijklmnopqrstuuRHU7jAopsSotIZI1jzPIfmogPpD0G9a";

    // "longshore serve" of the guide stays in the foreground; here it goes on beside what follows, one at a time. "--follow" waits for somebody to stop it.
    private const string Prelude =
        """
        server=
        stop() { [[ -z $server ]] || { kill "$server"; wait "$server" || true; server=; } }
        trap stop EXIT
        longshore() {
            case "$1 $*" in
                serve*)
                    stop
                    command longshore "$@" >>serve.log 2>&1 &
                    server=$!
                    for _ in {1..600}; do curl http://127.0.0.1:5000/readyz >/dev/null 2>&1 && return; kill -0 "$server" || break; sleep 0.1; done
                    cat serve.log >&2; return 1 ;;
                migrate*--follow*)
                    if [[ -n $server ]]; then (sleep 1; kill "$server") & server=; fi
                    command longshore "$@" ;;
                *) command longshore "$@" ;;
            esac
        }
        curl() { command curl -fsS "$@"; }
        createuser() { printf '%s\n%s\n' "$SECRET" "$SECRET" | setsid --wait createuser "$@"; }

        """;

    private const string Cluster =
        """
        set -e
        bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout tls.key -out tls.crt 2>/dev/null
        mkdir postgres
        cp tls.key tls.crt postgres
        chmod 755 . && chmod 600 postgres/tls.key
        as=()
        if [[ $EUID -eq 0 ]]; then chown -R postgres postgres; as=(runuser -u postgres --); fi
        cd postgres
        "${as[@]}" "$bin/initdb" -D "$PWD/db" -U admin --auth-local=trust --auth-host=scram-sha-256 --no-sync -E UTF8 --locale=C.UTF-8 >/dev/null
        "${as[@]}" "$bin/pg_ctl" -D "$PWD/db" -w -t 60 -l "$PWD/log" -o "-p $1 -c listen_addresses=localhost -c unix_socket_directories=$PWD -c fsync=off -c ssl=on -c ssl_cert_file=$PWD/tls.crt -c ssl_key_file=$PWD/tls.key" start >/dev/null 2>&1 </dev/null
        """;

    private const string Tagging =
        """
        eval "$(longshore env --data lib/longshore)"
        aws ecr --endpoint-url http://127.0.0.1:5000 create-repository --repository-name team/app
        aws ecr --endpoint-url http://127.0.0.1:5000 put-image --repository-name team/app --image-tag 1 --image-manifest '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'

        """;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Blocks_that_need_postgresql_s3_or_another_registry_run()
    {
        TestDatabases.RequireSqlite("the guide brings its own PostgreSQL and S3");
        Requires.That(TestPostgres.IsInstalled, "PostgreSQL (Debian's package postgresql)");
        Requires.That(IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().All(static address => address.Port != 5000), "port 5000, the server's default");
        using var home = new TemporaryDirectory("guide");
        var postgres = FreePort();
        var gateway = S3Gateway.GetAsync();
        await CommandRunner.RunAsync("bash", ["-c", Cluster, "cluster", Text(postgres)], Token, workingDirectory: home.Path);
        try
        {
            await using var registry = await DockerRegistry.StartAsync(home.Combine("tls.crt"), home.Combine("tls.key"), $"ci:{Hash}", Token);
            await using var old = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = ["--create-on-push"] }, Token);
            await FillAsync(old, registry);
            await WriteLoginsAsync(home, old, registry);
            var database = $"localhost:{Text(postgres)}";
            var tls = $"sslmode=verify-full&sslrootcert={home.Combine("tls.crt")}";
            var s3 = (await gateway).Endpoint.GetLeftPart(UriPartial.Authority);
            await RunAsync("postgresql", home, postgres, "", ("db.example:5432", database), ("sslmode=verify-full", tls));
            await RunAsync("s3", home, postgres, "", ("BUCKET/PREFIX", $"{S3Gateway.Bucket}/guide"), ("https://s3.internal:9000", s3));
            await RunAsync("monitoring", home, postgres, "", ("127.0.0.1:9090", $"127.0.0.1:{Text(FreePort())}"), ("collector:4317", $"127.0.0.1:{Text(FreePort())}"));
            await RunAsync(
                "migrate",
                home,
                postgres,
                $"""
                psql --quiet --dbname postgres --command "DROP DATABASE longshore" --command "CREATE DATABASE longshore OWNER longshore" --command "CREATE DATABASE other OWNER longshore"
                longshore serve --data lib/longshore
                eval "$(longshore env --data lib/longshore)"
                longshore import --from {old.BaseAddress} --from-endpoint-url {old.BaseAddress} --from-profile old

                """,
                ("/var/lib/", "lib/"),
                ("db.example/longshore", $"{database}/longshore?{tls}"),
                ("db.example/other", $"{database}/other?{tls}"),
                ("s3://bucket/registry", $"s3://{S3Gateway.Bucket}/guide-moved?endpoint={s3}"));
            // The three servers are one here: what is told twice is shown once.
            await RunAsync(
                "replicas",
                home,
                postgres,
                $"""
                psql --quiet --dbname postgres --command "CREATE DATABASE replicas OWNER longshore"
                mkdir etc
                export AWS_ENDPOINT_URL_S3={s3}

                """,
                ("/var/lib/", "lib/"),
                ("/etc/longshore/", "etc/"),
                ("db.example/longshore", $"{database}/replicas?{tls}"),
                ("s3://bodies/registry", $"'s3://{S3Gateway.Bucket}/guide-bodies?endpoint={s3}'"),
                ("s3://trails/longshore", $"s3://{S3Gateway.Bucket}/guide-trails"),
                ("10.0.0.11", "127.0.0.1"),
                ("10.0.0.12", "127.0.0.1"),
                ("10.0.0.13", "127.0.0.1"),
                // What the trail is asked about has to happen first.
                ("eval \"$(longshore env --data lib/longshore)\"\n", Tagging),
                ("--public-url https://registry.example.com --drain-delay 15s", "--public-url https://registry.example.com --drain-delay 1s"));
            await RunAsync("import", home, postgres, "longshore serve\n", ("registry.example.com", $"localhost:{Text(registry.BaseAddress.Port)}"), ("http://old:5000", old.BaseAddress.ToString()));
        }
        finally
        {
            await CommandRunner.TryRunAsync(
                "bash", ["-c", "kill -QUIT $(head -n 1 postgres/db/postmaster.pid); while [[ -e postgres/db/postmaster.pid ]]; do sleep 0.1; done"], CancellationToken.None, workingDirectory: home.Path);
        }
    }

    [Fact]
    public void Every_document_with_such_blocks_is_run()
    {
        var documents = Directory.GetFiles(Path.Combine(RepositoryRoot.Path, "docs"), "*.md", SearchOption.AllDirectories).Append(Path.Combine(RepositoryRoot.Path, "README.md"))
            .Where(static path => DocumentedCommands.Script(File.ReadAllText(path), DocumentedCommands.Backends) is not null)
            .Select(static path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal);
        Assert.Equal(["import", "migrate", "monitoring", "postgresql", "replicas", "s3"], documents);
    }

    private static async Task RunAsync(string document, TemporaryDirectory home, int postgres, string before, params (string Name, string Value)[] replaced)
    {
        var text = await File.ReadAllTextAsync(Path.Combine(RepositoryRoot.Path, "docs", "operate", document + ".md"), Token);
        var script = DocumentedCommands.Script(text, DocumentedCommands.Backends)!;
        foreach (var (name, value) in replaced)
        {
            Assert.Contains(name, script, StringComparison.Ordinal);
            script = script.Replace(name, value, StringComparison.Ordinal);
        }

        script = script.Replace("ACCESS_KEY_ID=…", "ACCESS_KEY_ID=" + S3Gateway.AccessKeyId, StringComparison.Ordinal)
            .Replace("SECRET_ACCESS_KEY=…", "SECRET_ACCESS_KEY=" + S3Gateway.SecretAccessKey, StringComparison.Ordinal)
            .Replace("PASSWORD=…", "PASSWORD=" + Secret, StringComparison.Ordinal);
        Assert.DoesNotContain("…", script, StringComparison.Ordinal);
        await CommandRunner.RunAsync(
            "bash",
            ["-c", script.Replace("set -euo pipefail\n", "set -euo pipefail\n" + Prelude + before, StringComparison.Ordinal)],
            Token,
            new Dictionary<string, string?>
            {
                ["PATH"] = $"{Path.GetDirectoryName(LongshoreProcess.BinaryPath())}:/usr/bin:/bin:/usr/sbin:/sbin",
                ["HOME"] = home.Path,
                ["SECRET"] = Secret,
                ["SSL_CERT_FILE"] = home.Combine("tls.crt"),
                // Who administers the database comes by its socket.
                ["PGHOST"] = home.Combine("postgres"),
                ["PGPORT"] = Text(postgres),
                ["PGUSER"] = "admin",
                ["AWS_ACCESS_KEY_ID"] = null,
                ["AWS_SECRET_ACCESS_KEY"] = null,
                ["AWS_SESSION_TOKEN"] = null,
                ["AWS_PROFILE"] = null,
                ["AWS_PAGER"] = "",
                ["DOCKER_CONFIG"] = null,
            },
            Directory.CreateDirectory(home.Combine(document)).FullName,
            timeout: TimeSpan.FromMinutes(2));
    }

    /// <summary>Images in another Longshore server, and one of them, by skopeo, in docker-registry.</summary>
    private static async Task FillAsync(LongshoreProcess old, DockerRegistry registry)
    {
        using var ecr = new EcrClient(old.BaseAddress, old.Options.AccessKeyId, old.Options.SecretAccessKey);
        var (user, password) = await ecr.GetLoginAsync(Token);
        using var oci = new OciClient(old.BaseAddress, user, password);
        await oci.PushImageAsync("team/app", TestImage.Create(1, 1000), "v1", Token);
        await oci.PushImageAsync("team/other", TestImage.MultiPlatform(new TestImageOptions { Seed = 2 }), "v2", Token);
        await CommandRunner.RunAsync(
            "skopeo",
            ["--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--src-creds", $"{user}:{password}", "--dest-creds", $"ci:{Secret}", $"docker://{old.BaseAddress.Authority}/team/app:v1", $"docker://localhost:{Text(registry.BaseAddress.Port)}/team/app:v1"],
            Token);
    }

    private static async Task WriteLoginsAsync(TemporaryDirectory home, LongshoreProcess old, DockerRegistry registry)
    {
        Directory.CreateDirectory(home.Combine(".docker"));
        var login = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"ci:{Secret}"));
        await File.WriteAllTextAsync(home.Combine(".docker/config.json"), $$$"""{"auths":{"localhost:{{{Text(registry.BaseAddress.Port)}}}":{"auth":"{{{login}}}"} } }""", Token);
        Directory.CreateDirectory(home.Combine(".aws"));
        await File.WriteAllTextAsync(home.Combine(".aws/credentials"), $"[old]\naws_access_key_id = {old.Options.AccessKeyId}\naws_secret_access_key = {old.Options.SecretAccessKey}\n", Token);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}

using System.Net.NetworkInformation;
using Longshore.Server.Tests.Clients;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Docs;

/// <summary>
/// Commands in README.md and docs/ work when they are copied to a shell: each document's blocks run in a scratch directory, as
/// one session, beside a server that was started there with its defaults.
/// </summary>
[Collection(ClientsCollection.Name)]
public sealed class ReadmeTests(ClientsFixture clients)
{
    private const int DefaultPort = 5000;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Commands_of_every_document_run()
    {
        TestDatabases.RequireSqlite("documents show a server with its defaults");
        foreach (var document in DocumentedCommands.Documents())
            await RunAsync(DocumentedCommands.Script(await File.ReadAllTextAsync(Path.Combine(RepositoryRoot.Path, document), Token))!);
    }

    [Fact]
    public void Blocks_of_other_languages_and_illustrative_ones_are_left_out()
    {
        const string Text = "# A\n```sh\necho one\n```\n```sh illustrative\necho two\n```\n```json\n{}\n```\n````sh\n```\necho three\n````\n";
        Assert.Equal(
            "set -euo pipefail\necho '+ block in line 2' >&2\necho one\necho '+ block in line 11' >&2\n```\necho three\n",
            DocumentedCommands.Script(Text));
        Assert.Null(DocumentedCommands.Script("```sh illustrative\nfalse\n```"));
        Assert.Null(DocumentedCommands.Script("```sh backends\nfalse\n```"));
        Assert.Contains("\nfalse\n", DocumentedCommands.Script("```sh\ntrue\n```\n```sh backends\nfalse\n```", DocumentedCommands.Backends)!, StringComparison.Ordinal);
    }

    private async Task RunAsync(string script)
    {
        Requires.That(
            IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().All(address => address.Port != DefaultPort),
            "port 5000, the server's default");
        var docker = await clients.DockerAsync(Token);
        using var home = new TemporaryDirectory("docs");
        await using var server = await LongshoreProcess.StartAsync(
            new LongshoreOptions
            {
                // Where a server started in the scratch directory keeps its data, with a key of its own making.
                DataDirectory = Directory.CreateDirectory(home.Combine("longshore-data")).FullName,
                Port = DefaultPort,
                Environment = new Dictionary<string, string?> { ["LONGSHORE_ROOT_ACCESS_KEY_ID"] = null, ["LONGSHORE_ROOT_SECRET_ACCESS_KEY"] = null },
            },
            Token);
        await CommandRunner.RunAsync(
            "bash",
            ["-c", script],
            Token,
            new Dictionary<string, string?>(docker.Environment)
            {
                // The binary under test is "longshore"; aws, docker and python3 are Debian's.
                ["PATH"] = $"{Path.GetDirectoryName(LongshoreProcess.BinaryPath())}:/usr/bin:/bin:/usr/sbin:/sbin",
                ["HOME"] = home.Path,
                ["DOCKER_CONFIG"] = home.Combine(".docker"),
                ["AWS_ACCESS_KEY_ID"] = null,
                ["AWS_SECRET_ACCESS_KEY"] = null,
                ["AWS_SESSION_TOKEN"] = null,
                ["AWS_PROFILE"] = null,
                ["AWS_PAGER"] = "",
            },
            home.Path,
            timeout: TimeSpan.FromMinutes(3));
    }
}

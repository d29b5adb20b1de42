using System.Text.Json.Nodes;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Clients;

/// <summary>What the server says when it starts works when it is copied to a shell.</summary>
[Collection(ClientsCollection.Name)]
public sealed class BannerTests(ClientsFixture clients)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_three_commands_of_the_banner_log_in_create_and_push(bool generatedKey)
    {
        var docker = await clients.DockerAsync(Token);
        using var home = new TemporaryDirectory("banner");
        var options = new LongshoreOptions();
        if (generatedKey)
        {
            options = options with
            {
                // A directory that a shell must have quoted, and no key from outside, as on a first start.
                DataDirectory = Directory.CreateDirectory(home.Combine("it's data")).FullName,
                Environment = new Dictionary<string, string?> { ["LONGSHORE_ROOT_ACCESS_KEY_ID"] = null, ["LONGSHORE_ROOT_SECRET_ACCESS_KEY"] = null },
            };
        }
        await using var server = await LongshoreProcess.StartAsync(options, Token);

        // The banner is one write, but the pipe may bring it in pieces.
        string[] commands = [];
        for (var tries = 0; commands.Length < 3 && tries < 100; tries++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Token);
            commands = [.. server.Output.Split('\n')
                .SkipWhile(line => !line.StartsWith("Log in, create a repository, push an image:", StringComparison.Ordinal))
                .Skip(1).TakeWhile(line => line.StartsWith("  ", StringComparison.Ordinal))];
        }
        Assert.True(commands.Length == 3, server.Output);

        var environment = new Dictionary<string, string?>(docker.Environment)
        {
            ["PATH"] = "/usr/bin:/bin", // Debian's aws and docker, not another that may come first
            ["HOME"] = home.Path,
            ["DOCKER_CONFIG"] = home.Combine(".docker"),
            ["AWS_ACCESS_KEY_ID"] = null,
            ["AWS_SECRET_ACCESS_KEY"] = null,
            ["AWS_SESSION_TOKEN"] = null,
            ["AWS_PROFILE"] = null,
            ["LONGSHORE_ROOT_ACCESS_KEY_ID"] = generatedKey ? null : options.AccessKeyId,
            ["LONGSHORE_ROOT_SECRET_ACCESS_KEY"] = generatedKey ? null : options.SecretAccessKey,
        };
        var outputs = new List<string>();
        foreach (var command in commands)
            outputs.Add((await CommandRunner.RunAsync("bash", ["-o", "pipefail", "-c", command], Token, environment)).StandardOutput);

        Assert.Contains("Login Succeeded", outputs[0], StringComparison.Ordinal);
        var uri = (string)JsonNode.Parse(outputs[1])!["repository"]!["repositoryUri"]!;
        Assert.Contains(uri + "]", outputs[2], StringComparison.Ordinal);
        Assert.Contains("digest: sha256:", outputs[2], StringComparison.Ordinal);
    }
}

using System.Globalization;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Hosting;

/// <summary>The real binary from its command line.</summary>
public sealed class ServeProcessTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Wrong_options_are_listed_all_at_once_with_exit_code_2()
    {
        var result = await RunAsync(["serve", "--region", "mars", "--account=1", "--what"], new() { ["LONGSHORE_LISTEN"] = "nowhere" });
        Assert.Equal(2, result.ExitCode);
        Assert.Empty(result.StandardOutput);
        foreach (var part in (string[])["4 things are wrong", "--what", "--region, LONGSHORE_REGION", "--account, LONGSHORE_ACCOUNT", "\"nowhere\" (from the environment)"])
            Assert.Contains(part, result.StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Second_server_on_a_data_directory_is_refused_by_name_with_exit_code_3()
    {
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions(), Token);
        var result = await RunAsync(["serve", "--listen", "http://127.0.0.1:0", "--data", server.DataDirectory]);
        Assert.Equal(3, result.ExitCode);
        Assert.Contains($"process {server.ProcessId})", result.StandardError, StringComparison.Ordinal);
        Assert.Contains(server.DataDirectory, result.StandardError, StringComparison.Ordinal);
        Assert.Equal(0, await server.StopAsync(Token));
    }

    [Fact]
    public async Task Address_in_use_is_told_with_exit_code_1()
    {
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions(), Token);
        using var directory = new TemporaryDirectory();
        var result = await RunAsync(["serve", "--listen", server.BaseAddress.GetLeftPart(UriPartial.Authority), "--data", directory.Combine("d")]);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("address already in use", result.StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task First_start_shows_the_key_once_and_keeps_it_for_its_owner_alone()
    {
        using var directory = new TemporaryDirectory();
        var data = directory.Combine("new", "data");
        await using var server = await LongshoreProcess.StartAsync(
            new LongshoreOptions
            {
                DataDirectory = data,
                Environment = new Dictionary<string, string?> { ["LONGSHORE_ROOT_ACCESS_KEY_ID"] = null, ["LONGSHORE_ROOT_SECRET_ACCESS_KEY"] = null },
            },
            Token);
        var credentials = Path.Combine(data, "credentials");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(credentials));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(data));
        var secret = File.ReadLines(credentials).Single(line => line.StartsWith("aws_secret_access_key", StringComparison.Ordinal)).Split(" = ")[1];
        await server.StopAsync(Token);
        Assert.Equal(2, server.Output.Split(secret).Length);
        await server.RestartAsync(samePort: false, Token);
        await server.StopAsync(Token);
        Assert.Equal(2, server.Output.Split(secret).Length);
    }

    [Fact]
    public async Task Key_of_the_operator_is_written_nowhere()
    {
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions(), Token);
        await server.StopAsync(Token);
        Assert.False(File.Exists(Path.Combine(server.DataDirectory, "credentials")));
        Assert.DoesNotContain(server.Options.SecretAccessKey, server.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Env_finds_the_address_of_the_running_server()
    {
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions(), Token);
        var url = server.BaseAddress.GetLeftPart(UriPartial.Authority);
        var result = await RunAsync(["env", "--data", server.DataDirectory, "--region", "eu-west-1"]);
        Assert.Equal(0, result.ExitCode);
        Assert.Contains($"export AWS_ENDPOINT_URL_ECR={url}\n", result.StandardOutput, StringComparison.Ordinal);
        Assert.Contains("export AWS_REGION=eu-west-1\n", result.StandardOutput, StringComparison.Ordinal);
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"docker login --username AWS --password-stdin 127.0.0.1:{server.BaseAddress.Port}"), result.StandardOutput, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_but_comments_and_exports_comes_out_of_env()
    {
        using var directory = new TemporaryDirectory("it's");
        var result = await RunAsync(["env", "--data", directory.Path, "--listen", "*:7000"]);
        Assert.Equal(0, result.ExitCode);
        var shell = await CommandRunner.RunAsync("sh", ["-c", result.StandardOutput + "\necho \"$AWS_ENDPOINT_URL\""], Token);
        Assert.Equal("http://127.0.0.1:7000\n", shell.StandardOutput);
    }

    private static Task<CommandResult> RunAsync(string[] arguments, Dictionary<string, string?>? environment = null) =>
        CommandRunner.TryRunAsync(LongshoreProcess.BinaryPath(), arguments, Token, environment, timeout: TimeSpan.FromSeconds(60));
}

using System.Text.Json;
using Longshore.Server.Tests.Ecr;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Commands;

/// <summary>The clean-up commands as people and scripts run them: the binary against a running server.</summary>
public sealed class CleanupCommandTests(EcrFixture fixture) : IClassFixture<EcrFixture>
{
    private const string KeepTwo =
        """
        {"rules":[{"rulePriority":1,"description":"keep two","selection":{"tagStatus":"tagged","tagPrefixList":["v"],"countType":"imageCountMoreThan","countNumber":2},"action":{"type":"expire"}}]}
        """;

    private const string Shadowed =
        """
        {"rules":[{"rulePriority":1,"selection":{"tagStatus":"tagged","tagPrefixList":["v"],"countType":"imageCountMoreThan","countNumber":2},"action":{"type":"expire"}},
        {"rulePriority":2,"selection":{"tagStatus":"tagged","tagPatternList":["v1*"],"countType":"imageCountMoreThan","countNumber":2},"action":{"type":"expire"}}]}
        """;

    [Fact]
    public async Task Lint_tells_findings_by_its_exit_code()
    {
        using var folder = new TemporaryDirectory("lint");
        Assert.Equal(0, (await RunAsync("lint", Write(folder, "good.json", KeepTwo))).ExitCode);
        var bad = await RunAsync("lint", Write(folder, "bad.json", Shadowed));
        Assert.Equal(1, bad.ExitCode);
        Assert.Contains("error shadowed at rules[1]", bad.StandardOutput, StringComparison.Ordinal);
        var json = await RunAsync("lint", Write(folder, "worse.json", "{\"rules\":[{}]}".PadRight(100)), "--json");
        Assert.Equal(1, json.ExitCode);
        Assert.Equal("rules[0]", JsonDocument.Parse(json.StandardOutput).RootElement.GetProperty("findings")[0].GetProperty("path").GetString());
        Assert.Equal(2, (await RunAsync("lint", folder.Combine("missing.json"))).ExitCode);
    }

    [Fact]
    public async Task A_policy_goes_from_simulation_to_plan_to_receipt()
    {
        using var folder = new TemporaryDirectory("plan");
        var name = await FiveImagesAsync();
        var policy = Write(folder, "policy.json", KeepTwo);

        var simulated = await RunAsync("simulate", "--repository", name, "--policy", policy, "--json");
        Assert.Equal(0, simulated.ExitCode);
        var expected = JsonDocument.Parse(simulated.StandardOutput).RootElement.GetProperty("steps").EnumerateArray().Select(static s => s.GetProperty("digest").GetString()).Order().ToList();
        Assert.Equal(3, expected.Count);
        Assert.Equal(expected, await PreviewAsync(name));

        var explained = await RunAsync("explain", $"{name}:v0", "--policy", policy, "--json");
        Assert.Equal(1, explained.ExitCode);
        Assert.Equal("EXPIRE", JsonDocument.Parse(explained.StandardOutput).RootElement.GetProperty("action").GetString());

        var planned = await RunAsync("plan", "--repository", name, "--policy", policy, "--out", folder.Combine("plan.json"), "--json");
        Assert.Equal(0, planned.ExitCode);
        var plan = JsonDocument.Parse(planned.StandardOutput).RootElement;
        Assert.Equal(expected, plan.GetProperty("images").EnumerateArray().Select(static i => i.GetProperty("digest").GetString()).Order());

        var unasked = await RunAsync("apply", folder.Combine("plan.json"));
        Assert.Equal(2, unasked.ExitCode);
        Assert.Contains("--yes", unasked.StandardError, StringComparison.Ordinal);
        var applied = await RunAsync("apply", folder.Combine("plan.json"), "--yes", "--json");
        Assert.Equal(0, applied.ExitCode);
        var receipt = JsonDocument.Parse(applied.StandardOutput).RootElement.GetProperty("plan").GetProperty("receipt");
        Assert.Equal((3, plan.GetProperty("plan").GetProperty("physicalBytes").GetInt64()), (receipt.GetProperty("done").GetInt32(), receipt.GetProperty("predictedBytes").GetInt64()));
        Assert.Equal(2, (await fixture.CallAsync("ListImages", new { repositoryName = name })).GetProperty("imageIds").GetArrayLength());
    }

    [Fact]
    public async Task What_cannot_be_done_says_what_to_do_and_exits_with_2()
    {
        var missing = await RunAsync("plan", "--repository", "nowhere/at-all");
        Assert.Equal(2, missing.ExitCode);
        Assert.Contains("RepositoryNotFound", missing.StandardError, StringComparison.Ordinal);
        Assert.Equal(2, (await RunAsync("plan", "--repository", "x/y", "--endpoint-url", "http://127.0.0.1:9")).ExitCode);
        Assert.Equal(2, (await RunAsync("explain", "no-tag")).ExitCode);
    }

    [Fact]
    public async Task Collection_runs_on_demand()
    {
        Assert.Equal(0, (await RunAsync("gc", "--dry-run", "--json")).ExitCode);
        var run = await RunAsync("gc");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("collection", run.StandardOutput, StringComparison.Ordinal);
    }

    private static string Write(TemporaryDirectory folder, string name, string text)
    {
        var file = folder.Combine(name);
        File.WriteAllText(file, text);
        return file;
    }

    private async Task<string> FiveImagesAsync()
    {
        var name = await fixture.NewRepositoryAsync();
        for (var i = 0; i < 5; i++) await fixture.PushAsync(name, 900 + i, $"v{i}");
        return name;
    }

    private async Task<List<string?>> PreviewAsync(string name)
    {
        await fixture.CallAsync("StartLifecyclePolicyPreview", new { repositoryName = name, lifecyclePolicyText = KeepTwo });
        while (true)
        {
            var preview = await fixture.CallAsync("GetLifecyclePolicyPreview", new { repositoryName = name });
            if (preview.GetProperty("status").GetString() == "COMPLETE") return [.. preview.GetProperty("previewResults").EnumerateArray().Select(static r => r.GetProperty("imageDigest").GetString()).Order()];
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, EcrFixture.Token);
        }
    }

    private Task<CommandResult> RunAsync(params string[] arguments) => CommandRunner.TryRunAsync(
        LongshoreProcess.BinaryPath(),
        arguments,
        EcrFixture.Token,
        environment: new Dictionary<string, string?>
        {
            ["AWS_ACCESS_KEY_ID"] = fixture.Server.Options.AccessKeyId,
            ["AWS_SECRET_ACCESS_KEY"] = fixture.Server.Options.SecretAccessKey,
            ["AWS_SESSION_TOKEN"] = null,
            ["AWS_REGION"] = "us-east-1",
            ["AWS_ENDPOINT_URL"] = fixture.Server.BaseAddress.ToString(),
        });
}

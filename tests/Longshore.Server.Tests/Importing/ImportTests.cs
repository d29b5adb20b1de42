using System.Text.Json;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Importing;

/// <summary><c>longshore import</c> by the binary, between real servers.</summary>
public sealed class ImportTests
{
    private static readonly string[] CreateOnPush = ["--create-on-push"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Images_of_an_oci_registry_come_with_tags_digests_indexes_and_referrers()
    {
        await using var old = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = CreateOnPush }, Token);
        await using var target = await LongshoreProcess.StartAsync(new LongshoreOptions(), Token);
        var (source, password) = await LoginAsync(old);
        using var from = source;
        using var to = (await LoginAsync(target)).Oci;
        var plain = TestImage.Create(1, 100_000, 5);
        var index = TestImage.MultiPlatform(new TestImageOptions { Seed = 2 });
        var sha512 = TestImage.Create(new TestImageOptions { Seed = 3, Algorithm = DigestAlgorithm.Sha512 });
        await from.PushImageAsync("team/app", plain, "v1", Token);
        await from.PushImageAsync("team/app", plain, "latest", Token);
        await from.PushImageAsync("team/app", index, "multi", Token);
        await from.PushImageAsync("team/long", sha512, "s", Token);
        await from.PushImageAsync("other/app", plain, "v1", Token);

        var login = new Dictionary<string, string?> { ["LONGSHORE_IMPORT_PASSWORD"] = password };
        string[] arguments = ["--from", $"http://{old.BaseAddress.Authority}/team/*", "--from-user", "AWS"];
        var dry = await ImportAsync(target, login, [.. arguments, "--dry-run"]);
        Assert.True(dry.Json.GetProperty("blobBytes").GetInt64() > 100_000);
        Assert.Empty((await to.ListTagsAsync("team/app", Token).ContinueWith(static task => task.IsCompletedSuccessfully ? task.Result : [], Token, TaskContinuationOptions.None, TaskScheduler.Default)));

        var first = await ImportAsync(target, login, arguments);
        Assert.Equal((0, 4), (first.Exit, first.Json.GetProperty("same").GetInt32()));
        await to.VerifyImageAsync("team/app", plain, "v1", Token);
        await to.VerifyImageAsync("team/app", index, "multi", Token);
        await to.VerifyImageAsync("team/long", sha512, "s", Token);
        Assert.Equal(System.Net.HttpStatusCode.NotFound, (await to.GetManifestAsync("other/app", "v1", Token)).Status);

        // Again: nothing is sent. Then what is new.
        var again = await ImportAsync(target, login, arguments);
        Assert.Equal((0, 0, 0), (again.Exit, again.Json.GetProperty("blobs").GetInt32(), again.Json.GetProperty("manifests").GetInt32()));
        var wrong = await ImportAsync(target, new Dictionary<string, string?> { ["LONGSHORE_IMPORT_PASSWORD"] = "wrong" }, arguments);
        Assert.Equal(2, wrong.Exit);
    }

    [Fact]
    public async Task From_ecr_settings_policies_and_times_come_too()
    {
        await using var old = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = CreateOnPush }, Token);
        await using var target = await LongshoreProcess.StartAsync(new LongshoreOptions(), Token);
        using var from = (await LoginAsync(old)).Oci;
        using var to = (await LoginAsync(target)).Oci;
        using var fromEcr = new EcrClient(old.BaseAddress, old.Options.AccessKeyId, old.Options.SecretAccessKey);
        using var toEcr = new EcrClient(target.BaseAddress, target.Options.AccessKeyId, target.Options.SecretAccessKey);
        var (tagged, untagged) = (TestImage.Create(1, 500), TestImage.Create(2, 500));
        await from.PushImageAsync("team/app", tagged, "v1", Token);
        await from.PushImageAsync("team/app", untagged, null, Token);
        await from.VerifyImageAsync("team/app", tagged, "v1", Token);
        const string Policy = """{\"rules\":[{\"rulePriority\":1,\"selection\":{\"tagStatus\":\"untagged\",\"countType\":\"sinceImagePushed\",\"countUnit\":\"days\",\"countNumber\":9},\"action\":{\"type\":\"expire\"}}]}""";
        await fromEcr.InvokeAsync("PutLifecyclePolicy", $$"""{"repositoryName":"team/app","lifecyclePolicyText":"{{Policy}}"}""", Token);
        await fromEcr.InvokeAsync("PutImageTagMutability", """{"repositoryName":"team/app","imageTagMutability":"IMMUTABLE"}""", Token);
        await Task.Delay(TimeSpan.FromSeconds(1.5), TimeProvider.System, Token);

        string[] arguments = ["--from", old.BaseAddress.ToString().TrimEnd('/'), "--from-endpoint-url", old.BaseAddress.ToString(), "--all-images"];
        var result = await ImportAsync(target, new Dictionary<string, string?>(), arguments);
        Assert.Equal((0, 2, 2), (result.Exit, result.Json.GetProperty("same").GetInt32(), result.Json.GetProperty("times").GetInt32()));
        await to.VerifyImageAsync("team/app", untagged, untagged.Digest, Token);
        Assert.Equal(
            (await fromEcr.InvokeAsync("GetLifecyclePolicy", """{"repositoryName":"team/app"}""", Token)).GetProperty("lifecyclePolicyText").GetString(),
            (await toEcr.InvokeAsync("GetLifecyclePolicy", """{"repositoryName":"team/app"}""", Token)).GetProperty("lifecyclePolicyText").GetString());
        Assert.Equal("IMMUTABLE", (await toEcr.InvokeAsync("DescribeRepositories", "{}", Token)).GetProperty("repositories")[0].GetProperty("imageTagMutability").GetString());
        Assert.Equal(await TimesAsync(fromEcr), await TimesAsync(toEcr));
        Assert.Equal(0, (await ImportAsync(target, new Dictionary<string, string?>(), arguments)).Exit);
    }

    private static async Task<string> TimesAsync(EcrClient ecr) => string.Join('\n', (await ecr.InvokeAsync("DescribeImages", """{"repositoryName":"team/app"}""", Token))
        .GetProperty("imageDetails").EnumerateArray().Select(static image => $"{image.GetProperty("imageDigest")} {image.GetProperty("imagePushedAt")}").Order(StringComparer.Ordinal));

    private static async Task<(OciClient Oci, string Password)> LoginAsync(LongshoreProcess server)
    {
        using var ecr = new EcrClient(server.BaseAddress, server.Options.AccessKeyId, server.Options.SecretAccessKey);
        var (user, password) = await ecr.GetLoginAsync(Token);
        return (new OciClient(server.BaseAddress, user, password), password);
    }

    private static async Task<(int Exit, JsonElement Json)> ImportAsync(LongshoreProcess target, Dictionary<string, string?> environment, string[] arguments)
    {
        environment["AWS_ACCESS_KEY_ID"] = target.Options.AccessKeyId;
        environment["AWS_SECRET_ACCESS_KEY"] = target.Options.SecretAccessKey;
        var result = await CommandRunner.TryRunAsync(
            LongshoreProcess.BinaryPath(), ["import", .. arguments, "--endpoint-url", target.BaseAddress.ToString(), "--json"], Token, environment);
        Assert.True(result.ExitCode is 0 or 2, result.ToString());
        return (result.ExitCode, result.ExitCode == 0 ? JsonDocument.Parse(result.StandardOutput).RootElement : default);
    }
}

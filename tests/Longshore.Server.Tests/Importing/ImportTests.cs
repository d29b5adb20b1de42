using System.Diagnostics;
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
        Assert.Equal(System.Net.HttpStatusCode.NotFound, (await to.GetManifestAsync("team/app", "v1", Token)).Status);

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

    [Fact]
    public async Task From_docker_registry_come_all_kinds_of_images_and_an_import_that_was_killed_goes_on()
    {
        await using var old = await DockerRegistry.StartAsync(Token);
        await using var target = await LongshoreProcess.StartAsync(new LongshoreOptions(), Token);
        using var from = new OciClient(old.BaseAddress);
        using var to = (await LoginAsync(target)).Oci;
        var images = new Dictionary<string, TestManifest>(StringComparer.Ordinal)
        {
            ["docker"] = TestImage.Create(new TestImageOptions { Seed = 1, Docker = true }),
            ["docker-list"] = TestImage.MultiPlatform(new TestImageOptions { Seed = 2, Docker = true }),
            ["index"] = TestImage.MultiPlatform(new TestImageOptions { Seed = 3 }),
            ["empty"] = TestImage.Create(new TestImageOptions { Seed = 4, LayerSizes = [] }),
        };
        for (var i = 0; i < 40; i++) images[$"v{i}"] = TestImage.Create(100 + i, 400_000);
        foreach (var (tag, image) in images) await from.PushImageAsync("team/app", image, tag, Token);
        var signature = TestImage.Create(7, 300);
        await from.PushImageAsync("team/app", signature, images["v1"].Digest.Replace(':', '-') + ".sig", Token);

        string[] arguments = ["import", "--from", $"{old.BaseAddress}team/app", "--endpoint-url", target.BaseAddress.ToString(), "--json", "--rate", "8"];
        var credentials = CredentialsOf(target);
        var start = new ProcessStartInfo(LongshoreProcess.BinaryPath(), arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var (name, value) in credentials) start.Environment[name] = value;
        using (var process = Process.Start(start)!)
        {
            while (!process.HasExited && await TagsAsync() < 5) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Token);
            Assert.False(process.HasExited, "It was to be killed in the middle.");
            process.Kill();
            await process.WaitForExitAsync(Token);
        }

        Assert.InRange(await TagsAsync(), 5, images.Count - 1);
        var result = await CommandRunner.RunAsync(LongshoreProcess.BinaryPath(), arguments, Token, credentials);
        var json = JsonDocument.Parse(result.StandardOutput).RootElement;
        Assert.Equal(images.Count + 1, json.GetProperty("same").GetInt32());
        Assert.True(json.GetProperty("unchanged").GetInt32() >= 5 && json.GetProperty("manifests").GetInt32() > 0, json.ToString());
        foreach (var (tag, image) in images) await to.VerifyImageAsync("team/app", image, tag, Token);

        // One tag alone brings its signature; a repository that is not there is an error.
        var one = await ImportAsync(target, [], ["--from", $"http://{old.BaseAddress.Authority}/team/app", "--tag", "v1"]);
        Assert.Equal((0, 1), (one.Exit, one.Json.GetProperty("same").GetInt32()));
        Assert.Equal(2, (await ImportAsync(target, [], ["--from", $"http://{old.BaseAddress.Authority}/team/none"])).Exit);
        Assert.Equal(2, (await ImportAsync(target, [], ["--from", $"http://me:secret@{old.BaseAddress.Authority}/team/none"])).Exit);

        async Task<int> TagsAsync()
        {
            try
            {
                return (await to.ListTagsAsync("team/app", Token)).Count;
            }
            catch (HttpRequestException)
            {
                return 0;
            }
        }
    }

    [Fact]
    public async Task A_source_that_throttles_is_waited_for_and_logins_come_from_a_credential_helper()
    {
        await using var old = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = CreateOnPush }, Token);
        await using var target = await LongshoreProcess.StartAsync(new LongshoreOptions(), Token);
        var (source, password) = await LoginAsync(old);
        using var from = source;
        using var to = (await LoginAsync(target)).Oci;
        var image = TestImage.Create(1, 200_000);
        await from.PushImageAsync("team/app", image, "v1", Token);
        await from.PushImageAsync("team/app", TestImage.Create(2, 200_000), "v2", Token);

        // Every second call is throttled: by name as ECR does it, by status as registries do.
        await using var slow = new ThrottlingProxy(old.BaseAddress);
        var ecr = await ImportAsync(target, [], ["--from", $"http://{slow.Address.Authority}", "--from-endpoint-url", slow.Address.ToString()], old);
        Assert.Equal((0, 2), (ecr.Exit, ecr.Json.GetProperty("same").GetInt32()));
        await to.VerifyImageAsync("team/app", image, "v1", Token);
        Assert.True(slow.Throttled > 5, $"{slow.Throttled}");

        using var home = new TemporaryDirectory("docker");
        await File.WriteAllTextAsync(home.Combine("config.json"), $$"""{"credHelpers":{"{{old.BaseAddress.Authority}}":"longshoretest"} }""", Token);
        await File.WriteAllTextAsync(home.Combine("docker-credential-longshoretest"), $$"""
            #!/bin/sh
            read name
            echo '{"ServerURL":"'$name'","Username":"AWS","Secret":"{{password}}"}'
            """, Token);
        File.SetUnixFileMode(home.Combine("docker-credential-longshoretest"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var environment = new Dictionary<string, string?> { ["DOCKER_CONFIG"] = home.Path, ["PATH"] = $"{home.Path}:{Environment.GetEnvironmentVariable("PATH")}" };
        var helped = await ImportAsync(target, environment, ["--from", $"http://{old.BaseAddress.Authority}/team/app"]);
        Assert.Equal((0, 2), (helped.Exit, helped.Json.GetProperty("same").GetInt32()));
    }

    [Fact]
    public async Task Empty_repositories_come_archived_images_are_told_and_policies_of_the_target_stay()
    {
        await using var old = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = CreateOnPush }, Token);
        await using var target = await LongshoreProcess.StartAsync(new LongshoreOptions(), Token);
        using var from = (await LoginAsync(old)).Oci;
        using var fromEcr = new EcrClient(old.BaseAddress, old.Options.AccessKeyId, old.Options.SecretAccessKey);
        using var toEcr = new EcrClient(target.BaseAddress, target.Options.AccessKeyId, target.Options.SecretAccessKey);
        var archived = TestImage.Create(1, 500);
        await from.PushImageAsync("team/app", archived, "old", Token);
        await from.PushImageAsync("team/app", TestImage.Create(2, 500), "new", Token);
        await fromEcr.InvokeAsync("UpdateImageStorageClass", $$$"""{"repositoryName":"team/app","imageId":{"imageDigest":"{{{archived.Digest}}}"},"targetStorageClass":"ARCHIVE"}""", Token);
        await fromEcr.InvokeAsync("CreateRepository", """{"repositoryName":"empty","tags":[{"Key":"team","Value":"a"}],"imageScanningConfiguration":{"scanOnPush":true}}""", Token);
        const string Policy = """{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"SID\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"ecr:BatchGetImage\"}]}""";
        await fromEcr.InvokeAsync("SetRepositoryPolicy", $$"""{"repositoryName":"empty","policyText":"{{Policy.Replace("SID", "old", StringComparison.Ordinal)}}"}""", Token);
        await fromEcr.InvokeAsync("SetRepositoryPolicy", $$"""{"repositoryName":"team/app","policyText":"{{Policy.Replace("SID", "old", StringComparison.Ordinal)}}"}""", Token);
        await toEcr.InvokeAsync("CreateRepository", """{"repositoryName":"team/app"}""", Token);
        await toEcr.InvokeAsync("SetRepositoryPolicy", $$"""{"repositoryName":"team/app","policyText":"{{Policy.Replace("SID", "ours", StringComparison.Ordinal)}}"}""", Token);

        string[] arguments = ["--from", old.BaseAddress.ToString().TrimEnd('/'), "--from-endpoint-url", old.BaseAddress.ToString(), "--all-images"];
        var result = await ImportAsync(target, [], arguments, old);
        Assert.Equal((0, 1, 1), (result.Exit, result.Json.GetProperty("same").GetInt32(), result.Json.GetProperty("archived").GetInt32()));
        Assert.Contains("another repository policy", result.Json.GetProperty("remarks")[0].GetString(), StringComparison.Ordinal);
        Assert.Contains("ours", (await toEcr.InvokeAsync("GetRepositoryPolicy", """{"repositoryName":"team/app"}""", Token)).GetProperty("policyText").GetString(), StringComparison.Ordinal);
        Assert.Contains("old", (await toEcr.InvokeAsync("GetRepositoryPolicy", """{"repositoryName":"empty"}""", Token)).GetProperty("policyText").GetString(), StringComparison.Ordinal);
        var empty = (await toEcr.InvokeAsync("DescribeRepositories", """{"repositoryNames":["empty"]}""", Token)).GetProperty("repositories")[0];
        Assert.True(empty.GetProperty("imageScanningConfiguration").GetProperty("scanOnPush").GetBoolean());
        Assert.Contains("team", (await toEcr.InvokeAsync("ListTagsForResource", $$"""{"resourceArn":"{{empty.GetProperty("repositoryArn").GetString()}}"}""", Token)).ToString(), StringComparison.Ordinal);
    }

    private static Dictionary<string, string?> CredentialsOf(LongshoreProcess server) =>
        new() { ["AWS_ACCESS_KEY_ID"] = server.Options.AccessKeyId, ["AWS_SECRET_ACCESS_KEY"] = server.Options.SecretAccessKey };

    private static async Task<string> TimesAsync(EcrClient ecr) => string.Join('\n', (await ecr.InvokeAsync("DescribeImages", """{"repositoryName":"team/app"}""", Token))
        .GetProperty("imageDetails").EnumerateArray().Select(static image => $"{image.GetProperty("imageDigest")} {image.GetProperty("imagePushedAt")}").Order(StringComparer.Ordinal));

    private static async Task<(OciClient Oci, string Password)> LoginAsync(LongshoreProcess server)
    {
        using var ecr = new EcrClient(server.BaseAddress, server.Options.AccessKeyId, server.Options.SecretAccessKey);
        var (user, password) = await ecr.GetLoginAsync(Token);
        return (new OciClient(server.BaseAddress, user, password), password);
    }

    private static async Task<(int Exit, JsonElement Json)> ImportAsync(LongshoreProcess target, Dictionary<string, string?> environment, string[] arguments, LongshoreProcess? ecr = null)
    {
        using var home = new TemporaryDirectory("profiles");
        foreach (var (name, value) in CredentialsOf(target)) environment[name] = value;
        if (ecr is not null)
        {
            await File.WriteAllTextAsync(home.Combine("credentials"), $"[old]\naws_access_key_id = {ecr.Options.AccessKeyId}\naws_secret_access_key = {ecr.Options.SecretAccessKey}\n", Token);
            environment["AWS_SHARED_CREDENTIALS_FILE"] = home.Combine("credentials");
            arguments = [.. arguments, "--from-profile", "old"];
        }

        var result = await CommandRunner.TryRunAsync(
            LongshoreProcess.BinaryPath(), ["import", .. arguments, "--endpoint-url", target.BaseAddress.ToString(), "--json"], Token, environment);
        Assert.True(result.ExitCode is 0 or 2, result.ToString());
        return (result.ExitCode, result.ExitCode == 0 ? JsonDocument.Parse(result.StandardOutput).RootElement : default);
    }
}

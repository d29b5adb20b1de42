using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Longshore.TestSupport.Processes;
using Longshore.TestSupport.Secrets;

namespace Longshore.Server.Tests.Security;

/// <summary>Everything that a full run wrote, searched for everything that was secret in it.</summary>
public sealed partial class SecretsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("debug")]
    [InlineData("trace")]
    public async Task No_secret_is_in_logs_files_or_answers_of_a_full_run(string level)
    {
        var hunt = new SecretHunt();
        // What an answer is there to tell, told there alone.
        var told = new HashSet<string>();
        await using var registry = await AttackedRegistry.StartAsync("--log-level", level);
        hunt.Add("the root's secret", registry.Root.Secret);
        hunt.Add("the root's registry token", registry.Live.Password);

        // Users, roles, sessions.
        var anna = await registry.UserAsync("anna", AttackedRegistry.Allow("*", "*"));
        hunt.Add("a user's secret", anna.Secret);
        await registry.DoAsync(registry.Root, "iam", "CreateRole", ("RoleName", "builder"), ("AssumeRolePolicyDocument",
            AttackedRegistry.Trust("anna")));
        await registry.DoAsync(registry.Root, "iam", "PutRolePolicy", ("RoleName", "builder"), ("PolicyName", "p"), ("PolicyDocument", AttackedRegistry.Allow("ecr:*", "*")));
        var assumed = await registry.DoAsync(anna, "sts", "AssumeRole", ("RoleArn", $"arn:aws:iam::{AttackedRegistry.Account}:role/builder"), ("RoleSessionName", "run"));
        var session = new Key(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"]);
        hunt.Add("a session's secret", session.Secret);
        hunt.Add("a session token", session.SessionToken!);
        var own = await registry.DoAsync(anna, "sts", "GetSessionToken");
        hunt.Add("a user's session token", own["SessionToken"]);
        var password = await registry.LogInAsync(session);
        hunt.Add("a session's registry token", password);

        // Images and addresses.
        var image = await registry.PushAsync("team/app", "v1", 1);
        var url = await registry.EcrAsync(session, "GetDownloadUrlForLayer", new { repositoryName = "team/app", layerDigest = image.Blobs[^1].Digest });
        var address = new Uri(JsonDocument.Parse(url.Text).RootElement.GetProperty("downloadUrl").GetString()!);
        var signature = SignatureParameter().Match(address.Query).Groups[1].Value;
        hunt.Add("the signature of a download URL", signature);
        Assert.Equal(HttpStatusCode.OK, (await registry.OciAsync(null, HttpMethod.Get, address.PathAndQuery)).Status);
        foreach (var method in (HttpMethod[])[HttpMethod.Get, HttpMethod.Head])
            Assert.Equal(HttpStatusCode.OK, (await registry.OciAsync(password, method, "v2/team/app/manifests/v1")).Status);

        // Credentials that are refused: no error, log line or record repeats them. (What is sent as a name is a name, and recorded.)
        Assert.Equal(HttpStatusCode.Forbidden, (await registry.OciAsync(null, HttpMethod.Get, address.AbsolutePath + address.Query + "x")).Status);
        await registry.OciAsync(null, HttpMethod.Get, "longshore/v1/layers/nonsense" + address.Query);
        await registry.OciAsync(null, HttpMethod.Get, "v2/team/app/tags/list" + address.Query + "&X-Amz-Security-Token=" + Uri.EscapeDataString(session.SessionToken!));
        await registry.OciAsync(password + "x", HttpMethod.Get, "v2/");
        await registry.OciAsync(password, HttpMethod.Get, "v2/no/such/manifests/v1");
        await registry.OciAsync(null, HttpMethod.Get, "v2/", request => request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + session.SessionToken));
        await registry.OciAsync(null, HttpMethod.Get, "v2/", request => request.Headers.TryAddWithoutValidation("Authorization", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{anna.Id}:{anna.Secret}"))));
        await registry.OciAsync(null, HttpMethod.Get, "longshore/v1/settings", request => request.Headers.TryAddWithoutValidation("Authorization", anna.Secret));
        await registry.EcrAsync(anna with { Secret = session.Secret }, "DescribeRepositories", new { });
        await registry.EcrAsync(session with { SessionToken = session.SessionToken![..^4] + "AAAA" }, "DescribeRepositories", new { });
        await registry.FormAsync(anna, "iam", "GetUser", ("UserName", "no-such-user"));
        await registry.FormAsync(null, "sts", "AssumeRoleWithWebIdentity", ("RoleArn", $"arn:aws:iam::{AttackedRegistry.Account}:role/builder"), ("RoleSessionName", "x"), ("WebIdentityToken", WebToken));
        hunt.Add("a web identity token", WebToken);

        // The pages that list all there is.
        await registry.FormAsync(anna, "iam", "GetAccountAuthorizationDetails");
        await registry.FormAsync(anna, "iam", "ListAccessKeys", ("UserName", "anna"));
        await registry.OciAsync(registry.Live.Password, HttpMethod.Get, "longshore/v1/trail?maxResults=1000");

        told.UnionWith(["iam CreateAccessKey", "sts AssumeRole", "sts GetSessionToken", "ecr GetAuthorizationToken", "ecr GetDownloadUrlForLayer"]);
        var leaks = registry.Answers.Where(a => !told.Contains(a.Asked))
            .SelectMany(a => hunt.FindIn($"{a.Answer.Text}\n{a.Answer.Headers}\n{a.Answer.ContentHeaders}").Select(name => $"answer to {a.Asked}: {name}")).ToList();

        await registry.Live.Server.StopAsync(Token);
        leaks.AddRange(registry.Live.Server.Output.Split('\n').SelectMany(line => hunt.FindIn(line).Select(name => $"log: {name}: {Shorten(line, hunt)}")));
        leaks.AddRange(hunt.FindBelow(registry.Live.Server.DataDirectory, "credentials"));
        Assert.True(leaks.Count == 0, string.Join('\n', leaks.Distinct().Take(40)));
        // The hunt finds what is there.
        Assert.NotEmpty(hunt.FindIn("Authorization: Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("AWS:" + password))));
    }

    [Fact]
    public async Task The_key_of_the_first_start_is_in_its_file_and_on_the_terminal_alone()
    {
        using var directory = new TemporaryDirectory();
        var options = new LongshoreOptions
        {
            DataDirectory = directory.Combine("data"),
            Arguments = ["--log-level", "trace"],
            Environment = new Dictionary<string, string?> { ["LONGSHORE_ROOT_ACCESS_KEY_ID"] = null, ["LONGSHORE_ROOT_SECRET_ACCESS_KEY"] = null },
        };
        await using var server = await LongshoreProcess.StartAsync(options, Token);
        var secret = File.ReadLines(Path.Combine(server.DataDirectory, "credentials")).Single(line => line.StartsWith("aws_secret", StringComparison.Ordinal)).Split(" = ")[1];
        var hunt = new SecretHunt();
        hunt.Add("the first key's secret", secret);
        foreach (var (number, key) in new Longshore.Server.Access.KeyFile(Path.Combine(server.DataDirectory, "sealing.key")).Read().Value.Keys)
            hunt.Add($"key {number} of the key file", Convert.ToBase64String(key));
        await server.StopAsync(Token);
        Assert.Empty(hunt.FindBelow(server.DataDirectory, "credentials", "sealing.key"));
        Assert.Equal("  Secret access key: " + secret, Assert.Single(server.Output.Split('\n'), line => hunt.FindIn(line).Count > 0));
    }

    private const string WebToken =
        "eyJhbGciOiJSUzI1NiIsImtpZCI6Im9uZSJ9.eyJpc3MiOiJodHRwczovL3Rva2VuLmV4YW1wbGUuY29tIiwic3ViIjoicmVwbzpvcmcvYXBwIn0.c2lnbmF0dXJlLW9mLWEtdGVzdC10b2tlbi1vbmx5";

    private static string Shorten(string line, SecretHunt hunt) => hunt.FindIn(line[..Math.Min(line.Length, 120)]).Count == 0 ? line[..Math.Min(line.Length, 120)] : line[..Math.Min(line.Length, 60)];

    [GeneratedRegex("signature=([A-Za-z0-9_-]+)")]
    private static partial Regex SignatureParameter();
}

using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Longshore.Server.Tests.Iam;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Hosting;

/// <summary>Two servers on one PostgreSQL database and one directory of bodies.</summary>
public sealed class SharedDatabaseTests : IAsyncLifetime
{
    private readonly TemporaryDirectory directory = new("shared");
    private string url = null!;
    private LongshoreProcess a = null!;
    private LongshoreProcess b = null!;
    private (string User, string Password) login;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string DatabaseName => url[(url.LastIndexOf('/') + 1)..];

    public async ValueTask InitializeAsync()
    {
        TestDatabases.RequirePostgres();
        url = TestPostgres.CreateEmptyDatabase();
        a = await StartAsync("a");
        b = await StartAsync("b");
        login = await Ecr(a).GetLoginAsync(Token);
    }

    public async ValueTask DisposeAsync()
    {
        if (a is not null) await a.DisposeAsync();
        if (b is not null) await b.DisposeAsync();
        if (url is not null) TestPostgres.DropDatabase(url);
        directory.Dispose();
    }

    [Fact]
    public async Task What_one_takes_the_other_serves_and_an_upload_goes_on_at_the_other()
    {
        using var toA = Oci(a);
        using var toB = Oci(b);
        var image = TestImage.Create(1, 5_000, 200_000);
        await toA.PushImageAsync("team/app", image, "v1", Token);
        await toB.VerifyImageAsync("team/app", image, "v1", Token);

        using var http = new HttpClient();
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{login.User}:{login.Password}")));
        var blob = TestBlob.Random(7, 100_000);
        var begun = await http.PostAsync(new Uri(a.BaseAddress, "v2/team/app/blobs/uploads/"), null, Token);
        var path = new Uri(a.BaseAddress, begun.Headers.Location!).PathAndQuery;
        for (var part = 0; part < 4; part++)
        {
            var bytes = new ByteArrayContent(blob.Content, part * 25_000, 25_000);
            bytes.Headers.TryAddWithoutValidation("Content-Range", FormattableString.Invariant($"{part * 25_000}-{(part * 25_000) + 24_999}"));
            using var patched = await http.PatchAsync(new Uri((part % 2 == 0 ? b : a).BaseAddress, path), bytes, Token);
            Assert.Equal(HttpStatusCode.Accepted, patched.StatusCode);
            path = new Uri(a.BaseAddress, patched.Headers.Location!).PathAndQuery;
        }

        var separator = path.Contains('?', StringComparison.Ordinal) ? '&' : '?';
        using var put = await http.PutAsync(new Uri(b.BaseAddress, $"{path}{separator}digest={blob.Digest}"), null, Token);
        Assert.Equal(HttpStatusCode.Created, put.StatusCode);
        Assert.Equal(blob.Content, await http.GetByteArrayAsync(new Uri(a.BaseAddress, $"v2/team/app/blobs/{blob.Digest}"), Token));
    }

    [Fact]
    public async Task A_key_that_one_server_ends_is_refused_by_the_other_with_the_next_request()
    {
        using var http = new HttpClient();
        var root = (a.Options.AccessKeyId, a.Options.SecretAccessKey);
        Assert.Equal(HttpStatusCode.OK, (await IamFixture.SendAsync(a, http, root, "CreateUser", ("UserName", "ci"))).Status);
        Assert.Equal(HttpStatusCode.OK, (await IamFixture.SendAsync(
            a, http, root, "PutUserPolicy", ("UserName", "ci"), ("PolicyName", "p"), ("PolicyDocument", IamFixture.Document))).Status);
        var key = await IamFixture.SendAsync(b, http, root, "CreateAccessKey", ("UserName", "ci"));
        var ci = (key["AccessKeyId"], key["SecretAccessKey"]);
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(HttpStatusCode.OK, await LogInAsync(a, ci));
            Assert.Equal(HttpStatusCode.OK, await LogInAsync(b, ci));
            await IamFixture.SendAsync(a, http, root, "UpdateAccessKey", ("UserName", "ci"), ("AccessKeyId", ci.Item1), ("Status", "Inactive"));
            Assert.NotEqual(HttpStatusCode.OK, await LogInAsync(b, ci));
            await IamFixture.SendAsync(b, http, root, "UpdateAccessKey", ("UserName", "ci"), ("AccessKeyId", ci.Item1), ("Status", "Active"));
            Assert.Equal(HttpStatusCode.OK, await LogInAsync(a, ci));
            await IamFixture.SendAsync(b, http, root, "DeleteUserPolicy", ("UserName", "ci"), ("PolicyName", "p"));
            Assert.NotEqual(HttpStatusCode.OK, await LogInAsync(a, ci));
            await IamFixture.SendAsync(a, http, root, "PutUserPolicy", ("UserName", "ci"), ("PolicyName", "p"), ("PolicyDocument", IamFixture.Document));
        }
    }

    [Fact]
    public async Task The_same_images_pushed_to_both_at_once_are_whole_and_the_store_is_what_the_database_says()
    {
        using var toA = Oci(a);
        using var toB = Oci(b);
        for (var round = 0; round < 5; round++)
        {
            var images = Enumerable.Range(0, 4).Select(i => TestImage.Create((round * 10) + i, 4_000, 60_000)).ToList();
            await Task.WhenAll(images.SelectMany((image, i) => new[]
            {
                toA.PushImageAsync("race/app", image, $"t{i}", Token),
                toB.PushImageAsync("race/app", image, $"t{i}", Token),
                toB.PushImageAsync($"race/other{i}", image, "latest", Token),
            }));
            for (var i = 0; i < images.Count; i++)
            {
                await toB.VerifyImageAsync("race/app", images[i], $"t{i}", Token);
                await toA.VerifyImageAsync($"race/other{i}", images[i], "latest", Token);
            }
        }

        var result = await VerifyAsync();
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.DoesNotContain("fail:", a.Output + b.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_that_goes_away_and_comes_back_needs_no_restart()
    {
        using var toA = Oci(a);
        using var http = new HttpClient();
        await toA.PushImageAsync("team/app", TestImage.Create(1, 5_000), "v1", Token);
        TestPostgres.Execute(TestPostgres.ServerUrl(url), $"ALTER DATABASE {DatabaseName} ALLOW_CONNECTIONS false");
        TestPostgres.Execute(TestPostgres.ServerUrl(url), $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{DatabaseName}'");
        foreach (var server in new[] { a, b })
        {
            using var ready = await http.GetAsync(new Uri(server.BaseAddress, "readyz"), Token);
            Assert.Equal((HttpStatusCode.ServiceUnavailable, "not ready: database (it does not answer)\n"), (ready.StatusCode, await ready.Content.ReadAsStringAsync(Token)));
            using var version = await http.GetAsync(new Uri(server.BaseAddress, "v2/"), Token);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, version.StatusCode);
        }

        TestPostgres.Execute(TestPostgres.ServerUrl(url), $"ALTER DATABASE {DatabaseName} ALLOW_CONNECTIONS true");
        using var toB = Oci(b);
        await toB.VerifyImageAsync("team/app", TestImage.Create(1, 5_000), "v1", Token);
        await toA.PushImageAsync("team/app", TestImage.Create(2, 5_000), "v2", Token);
    }

    [Fact]
    public async Task A_password_is_in_nothing_that_is_written_and_repair_needs_all_servers_to_be_stopped()
    {
        Assert.DoesNotContain("not-to-be-seen", a.Output, StringComparison.Ordinal);
        var repair = await VerifyAsync("--repair");
        Assert.Equal(3, repair.ExitCode);
        Assert.Equal(0, await a.StopAsync(Token));
        Assert.Equal(0, await b.StopAsync(Token));
        Assert.Equal(0, (await VerifyAsync("--repair")).ExitCode);
    }

    private Task<LongshoreProcess> StartAsync(string name) => LongshoreProcess.StartAsync(
        new LongshoreOptions
        {
            DataDirectory = directory.Combine(name),
            Arguments =
            [
                "--create-on-push", "--shutdown-timeout", "5", "--database", url.Replace("longshore@", "longshore:not-to-be-seen@", StringComparison.Ordinal),
                "--blobs", directory.Combine("blobs"), "--archive", directory.Combine("archive"), "--key-file", directory.Combine("sealing.key"),
            ],
        },
        Token);

    private async Task<CommandResult> VerifyAsync(params string[] arguments)
    {
        var binary = LongshoreProcess.BinaryPath();
        string[] command = ["verify", "--data", directory.Combine("a"), "--database", url, "--blobs", directory.Combine("blobs"), "--archive", directory.Combine("archive"), .. arguments];
        return binary.EndsWith(".dll", StringComparison.Ordinal)
            ? await CommandRunner.TryRunAsync("dotnet", [binary, .. command], Token)
            : await CommandRunner.TryRunAsync(binary, command, Token);
    }

    private OciClient Oci(LongshoreProcess server) => new(server.BaseAddress, login.User, login.Password);

    private static EcrClient Ecr(LongshoreProcess server) => new(server.BaseAddress, server.Options.AccessKeyId, server.Options.SecretAccessKey);

    private static async Task<HttpStatusCode> LogInAsync(LongshoreProcess server, (string Id, string Secret) key)
    {
        using var client = new EcrClient(server.BaseAddress, key.Id, key.Secret);
        using var answer = await client.CallAsync("GetAuthorizationToken", "{}", Token);
        return answer.Status;
    }
}

using System.Diagnostics;
using System.Globalization;
using System.Net;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Faults;

/// <summary>
/// A PostgreSQL that is killed, hangs, or is followed by another one while clients push and pull: each request is answered within a bound, in its
/// protocol's form; nothing acknowledged is lost; the server goes on by itself. <c>LONGSHORE_TEST_OUTAGE</c> sets the seconds of an outage.
/// </summary>
public sealed class DatabaseOutageTests : IAsyncLifetime
{
    private static readonly TimeSpan Outage = TimeSpan.FromSeconds(
        int.Parse(Environment.GetEnvironmentVariable("LONGSHORE_TEST_OUTAGE") ?? "10", CultureInfo.InvariantCulture));

    private readonly TemporaryDirectory directory = new("outage");
    private PostgresCluster postgres = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        TestDatabases.RequirePostgres();
        postgres = await PostgresCluster.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (postgres is not null) await postgres.DisposeAsync();
        directory.Dispose();
    }

    [Fact]
    public async Task A_killed_database_is_used_again_when_it_is_back()
    {
        await using var server = await StartAsync(postgres.Url);
        await using var load = await OutageLoad.StartAsync(server, Token);
        await OutageLoad.RunForAsync(TimeSpan.FromSeconds(2));
        await postgres.KillAsync();
        await load.OutageAsync();
        await Task.Delay(Outage, TimeProvider.System, Token);
        Assert.Contains(await ReadyAsync(server), (string[])["not ready: database (it does not answer)\n", "not ready: database (it is starting or stopping)\n"]);
        await postgres.StartAgainAsync();
        await EndAsync(server, load, postgres.Url, longest: 10);
    }

    [Fact]
    public async Task A_database_that_hangs_keeps_no_request_waiting_and_is_used_again_when_it_goes_on()
    {
        await using var server = await StartAsync(postgres.Url);
        await using var load = await OutageLoad.StartAsync(server, Token);
        await OutageLoad.RunForAsync(TimeSpan.FromSeconds(2));
        await postgres.PauseAsync();
        await load.OutageAsync();
        await Task.Delay(TimeSpan.FromSeconds(10), TimeProvider.System, Token);
        // By now the server knows: nobody waits.
        var known = Stopwatch.GetTimestamp();
        Assert.Equal("not ready: database (it does not answer)\n", await ReadyAsync(server));
        Assert.InRange(Stopwatch.GetElapsedTime(known).TotalSeconds, 0, 2);
        await Task.Delay(Outage - TimeSpan.FromSeconds(10), TimeProvider.System, Token);
        await postgres.ResumeAsync();
        await EndAsync(server, load, postgres.Url, longest: 20);
    }

    [Fact]
    public async Task A_standby_that_is_promoted_takes_over()
    {
        await postgres.FollowAsync();
        await using var server = await StartAsync(postgres.UrlOfBoth);
        await using var load = await OutageLoad.StartAsync(server, Token);
        await OutageLoad.RunForAsync(TimeSpan.FromSeconds(2));
        await postgres.KillAsync();
        await load.OutageAsync();
        await Task.Delay(TimeSpan.FromSeconds(3), TimeProvider.System, Token);
        Assert.StartsWith("not ready: database", await ReadyAsync(server), StringComparison.Ordinal);
        await postgres.PromoteAsync();
        await EndAsync(server, load, postgres.UrlOfBoth, longest: 20);
    }

    [Fact]
    public async Task Connections_that_are_cut_cost_no_pull()
    {
        await using var server = await StartAsync(postgres.Url);
        await using var load = await OutageLoad.StartAsync(server, Token);
        for (var i = 0; i < 10; i++)
        {
            await OutageLoad.RunForAsync(TimeSpan.FromMilliseconds(500));
            await postgres.ExecuteAsync("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name = 'longshore'");
        }

        await EndAsync(server, load, postgres.Url, longest: 10);
        // A read is tried again; a write too, but for a commit that was on its way.
        Assert.True(load.FailedReads == 0, $"{load}\n{server.Output}");
    }

    private Task<LongshoreProcess> StartAsync(string url) => LongshoreProcess.StartAsync(
        new LongshoreOptions
        {
            DataDirectory = directory.Combine("data"),
            Arguments = ["--create-on-push", "--database", url, "--blobs", directory.Combine("blobs"), "--gc-interval", "1s", "--gc-grace", "1s", "--blob-lease", "60s"],
        },
        Token);

    private static async Task EndAsync(LongshoreProcess server, OutageLoad load, string url, double longest)
    {
        var back = TimeProvider.System.GetUtcNow().ToDatabase();
        var recovery = await load.RecoverAsync(TimeSpan.FromSeconds(30));
        await OutageLoad.RunForAsync(TimeSpan.FromSeconds(2));
        await load.EndAsync();
        TestContext.Current.TestOutputHelper?.WriteLine($"{load}; usable after {recovery.TotalSeconds:F1} s");
        Assert.Empty(load.Faults);
        Assert.InRange(load.LongestSeconds, 0, longest);
        await load.VerifyAllAsync(Token);
        await JobsGoOnAsync(url, back);
        Assert.DoesNotContain("failed unexpectedly", server.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("unobserved", server.Output, StringComparison.Ordinal);

        string[] verify = ["verify", "--data", server.DataDirectory, "--database", url, "--blobs", Path.Combine(server.DataDirectory, "..", "blobs")];
        var binary = LongshoreProcess.BinaryPath();
        var result = binary.EndsWith(".dll", StringComparison.Ordinal)
            ? await CommandRunner.TryRunAsync("dotnet", [binary, .. verify], Token)
            : await CommandRunner.TryRunAsync(binary, verify, Token);
        Assert.True(result.ExitCode == 0, result.ToString());
    }

    // A run that the outage cut is taken over when its lease has gone without renewal for 45 seconds.
    private static async Task JobsGoOnAsync(string url, long since)
    {
        await using var database = PostgresDatabase.OpenForReading(PostgresAddress.Parse(url, out _)!, TimeProvider.System);
        var patience = Stopwatch.GetTimestamp();
        while (await database.ReadAsync(
            s => s.QueryFirstAsync("SELECT finished_at FROM jobs WHERE kind = 'collection' AND finished_at > @since", static row => row.GetInt64(0), ("@since", since)), Token) == 0)
        {
            Assert.True(Stopwatch.GetElapsedTime(patience).TotalSeconds < 90, "The collection does not run again.");
            await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System, Token);
        }
    }

    private static async Task<string> ReadyAsync(LongshoreProcess server)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(20) };
        using var answer = await http.GetAsync(new Uri(server.BaseAddress, "readyz"), Token);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        return await answer.Content.ReadAsStringAsync(Token);
    }
}

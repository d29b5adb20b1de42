using System.Collections.Concurrent;
using Longshore.Server.Hosting.Jobs;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Processes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Longshore.Server.Tests.Hosting.Jobs;

/// <summary>Two servers' runners over one database file, as two processes would have it, with one clock.</summary>
internal sealed class JobHarness : IAsyncDisposable
{
    private readonly TemporaryDirectory directory = new("jobs");
    private readonly List<IDatabase> databases = [];

    public JobHarness(TimeProvider? time = null, JobOptions? options = null)
    {
        Time = time ?? Clock;
        Options = options ?? new JobOptions();
        A = Server();
        B = Server();
    }

    public JobClock Clock { get; } = new();

    public TimeProvider Time { get; }

    public JobOptions Options { get; }

    public TestJobs Handler { get; } = new();

    public (JobStore Store, JobRunner Runner) A { get; }

    public (JobStore Store, JobRunner Runner) B { get; }

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public IDatabase Database => databases[0];

    public (JobStore Store, JobRunner Runner) Server(JobOptions? options = null)
    {
        var database = TestDatabases.Open(directory.Path);
        databases.Add(database);
        var store = new JobStore(database, Time);
        return (store, new JobRunner(database, store, [Handler], options ?? Options, new Jitter(new Random(1)), Time, NullLogger<JobRunner>.Instance));
    }

    /// <summary>Looks once and waits for what was started: how many runs.</summary>
    public static async Task<int> RunDueAsync((JobStore Store, JobRunner Runner) server)
    {
        var runs = await server.Runner.PollAsync(Token);
        await Task.WhenAll(runs);
        return runs.Count;
    }

    public async ValueTask DisposeAsync()
    {
        A.Runner.Dispose();
        B.Runner.Dispose();
        foreach (var database in databases) await database.DisposeAsync();
        directory.Dispose();
    }
}

/// <summary>A handler that does what a test says.</summary>
internal sealed class TestJobs : IJobHandler
{
    public string Kind => "test";

    public int MaxParallel { get; set; } = 4;

    public TimeSpan MaxDelay => TimeSpan.FromDays(1);

    public Func<JobContext, CancellationToken, Task<DateTimeOffset?>> Work { get; set; } = (_, _) => Task.FromResult<DateTimeOffset?>(null);

    public ConcurrentQueue<string> Runs { get; } = new();

    public Task<DateTimeOffset?> RunAsync(JobContext job, CancellationToken cancellationToken)
    {
        Runs.Enqueue(job.Name);
        return Work(job, cancellationToken);
    }
}

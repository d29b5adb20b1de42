using System.Buffers;
using System.IO.Pipelines;
using Longshore.Core;
using Longshore.Server.Content;
using Longshore.Server.Content.Collection;
using Longshore.Server.Content.Recycling;
using Longshore.Server.Hosting.Jobs;
using Longshore.Server.Protection;
using Longshore.Server.Tests.Content.Collection;
using Longshore.Server.Tests.TestSupport;
using Longshore.Server.Verification;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;
using Longshore.TestSupport.S3;
using Microsoft.Extensions.Logging.Abstractions;

namespace Longshore.Server.Tests.Content;

/// <summary>Content over a real database and real files, with a clock that moves when told, and no server.</summary>
internal sealed class ContentHarness : IAsyncDisposable
{
    private readonly TemporaryDirectory? own;

    public ContentHarness(ContentOptions? options = null)
        : this(options ?? new(), new TemporaryDirectory("content"), null)
    {
    }

    private ContentHarness(ContentOptions options, TemporaryDirectory? own, ContentHarness? first)
    {
        this.own = own;
        DataDirectory = own?.Path ?? first!.DataDirectory;
        Time = first?.Time ?? new SteppedTime();
        Options = options;
        Database = new HookedDatabase(TestDatabases.Open(DataDirectory));
        Store = TestStores.Open(DataDirectory, Time);
        Publisher = new BlobPublisher(Database, Store, Time, Options);
        Uploads = new BlobUploads(Database, Store, Publisher, Claims, new UploadTurns(Database, Store, Time, Options), Time, Options);
        Catalog = new RepositoryCatalog(Database, new RemovalGuard(), new AccessVersion(), Time);
        Shelf = new BlobShelf(Database, Store, Time);
        Pulls = new PullRecorder(Database, Time, NullLogger<PullRecorder>.Instance) { Settling = TimeSpan.Zero };
        Remover = new ImageRemover(Options, new RemovalGuard());
        RecycleSettings = new RecycleBinSettings(Database, Time, Options);
        Bin = new RecycleBin(Database, Time);
        Images = new Images(Database, new ImagePusher(Database, Time), Pulls, Remover, new RemovalGuard(), RecycleSettings, Time);
        Expiry = new UploadExpiryJob(Database, Store, Claims, Time, Options, NullLogger<UploadExpiryJob>.Instance);
        FreedBytes.Add(Freed);
        Collector = new Collector(Database, Store, Time, Options, Collection, FreedBytes, NullLogger<Collector>.Instance);
        Scrub = new StoreScrub(Database, Store, Time, Collection);
        Sweep = new ReferenceSweep(Database, Time);
        Preview = new CollectionPreview(Database, Time, Options);
    }

    public static RegistryId Home { get; } = new("123456789012", "eu-central-1");

    /// <summary>Who deletes.</summary>
    public static string Caller => "arn:aws:iam::123456789012:root";

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public string DataDirectory { get; }

    public string DatabaseFile => Path.Combine(DataDirectory, "longshore.db");

    /// <summary>Where files of bodies lie; skips the test when they are in a bucket.</summary>
    public string BlobDirectory => TestStores.DirectoryOf(DataDirectory);

    public SteppedTime Time { get; }

    public ContentOptions Options { get; }

    public HookedDatabase Database { get; }

    public IBlobStore Store { get; }

    public UploadClaims Claims { get; } = new();

    public BlobPublisher Publisher { get; }

    public BlobUploads Uploads { get; }

    public RepositoryCatalog Catalog { get; }

    public BlobShelf Shelf { get; }

    public PullRecorder Pulls { get; }

    public Images Images { get; }

    public UploadExpiryJob Expiry { get; }

    public CollectionOptions Collection { get; } = new() { BodiesPerSecond = 0 };

    /// <summary>What collection freed, by plan.</summary>
    public FreedByPlan Freed { get; } = new();

    /// <summary>Who learns what collection frees.</summary>
    public List<IFreedBytes> FreedBytes { get; } = [];

    public Collector Collector { get; }

    public StoreScrub Scrub { get; }

    public ReferenceSweep Sweep { get; }

    public CollectionPreview Preview { get; }

    public ImageRemover Remover { get; }

    public RecycleBinSettings RecycleSettings { get; }

    public RecycleBin Bin { get; }

    public static RepositoryName Name(string text) => RepositoryName.TryParse(text, out var name) ? name : throw new ArgumentException(text);

    public static TagName Tag(string text) => TagName.TryParse(text, out var tag) ? tag : throw new ArgumentException(text);

    public static Digest DigestOf(string text) => Digest.TryParse(text, out var digest) ? digest : throw new ArgumentException(text);

    public static PipeReader Body(byte[] bytes) => PipeReader.Create(new ReadOnlySequence<byte>(bytes));

    public async Task<RepositoryName> CreateAsync(string text, RepositorySettings? settings = null)
    {
        var name = Name(text);
        Assert.True((await Catalog.CreateAsync(Home, name, settings ?? RepositorySettings.Default, new Dictionary<string, string>(), Token)).Succeeded);
        return name;
    }

    public async Task<BlobInfo> PushAsync(RepositoryName name, TestBlob blob) =>
        (await Uploads.PutAsync(Home, name, DigestOf(blob.Digest), blob.Content.Length, Body(blob.Content), Token)).Value;

    /// <summary>Pushes everything the manifest needs and then the manifest itself.</summary>
    public async Task PushAsync(RepositoryName name, TestManifest image, params string[] tags)
    {
        foreach (var child in image.Children) await PushAsync(name, child);
        foreach (var blob in image.Blobs) await PushAsync(name, blob);
        Assert.Null((await PutAsync(name, image, tags)).Error);
    }

    /// <summary>Pushes the manifest alone.</summary>
    public ValueTask<Outcome<ImagePutResult>> PutAsync(RepositoryName name, TestManifest image, params string[] tags) =>
        Images.PutAsync(new ImagePut(Home, name, image.Content, image.MediaType, null, [.. tags.Select(Tag)]), Token);

    /// <summary>A second server on the same database and files, with the same clock.</summary>
    public ContentHarness Second() => new(Options, null, this);

    /// <summary>Runs the collector until it has nothing left to do at this time.</summary>
    public async Task<CollectionCounts> CollectAsync()
    {
        var sum = new CollectionCounts();
        while (await Collector.EndLinksAsync(Token) is { } links) sum += links;
        while (await Collector.FreeAsync(Token) is { } freed) sum += freed;
        while (await Collector.UnlinkAsync(Token) is { } unlinked) sum += unlinked.Counts;
        return sum;
    }

    /// <summary>Bytes of all bodies on disk, and as the database has them.</summary>
    public async Task<(long Disk, long Rows)> BytesAsync() => (
        Store.ListAsync(Token).ToBlockingEnumerable(Token).Sum(static body => body.Length),
        await Database.ReadAsync(s => s.QueryFirstAsync("SELECT COALESCE(SUM(size), 0) FROM blobs", static r => r.GetInt64(0)), Token));

    /// <summary>What <c>longshore verify</c> finds.</summary>
    public async Task<List<Finding>> VerifyAsync()
    {
        var findings = new List<Finding>();
        await new RegistryVerifier(Database, Store, TimeProvider.System, repair: false, findings.Add, _ => { }).RunAsync(Token);
        return findings;
    }

    /// <summary>Runs a recurring job once, at the clock's time.</summary>
    public async Task RunJobAsync(IJobHandler handler)
    {
        var jobs = new JobStore(Database, Time);
        await jobs.TriggerAsync(handler.Kind, "", Token);
        using var runner = new JobRunner(Database, jobs, [handler], new JobOptions { SoleServer = true }, new Jitter(new Random(1)), Time, NullLogger<JobRunner>.Instance);
        await Task.WhenAll(await runner.PollAsync(Token));
        var state = await jobs.FindAsync(handler.Kind, "", Token);
        Assert.Null(state?.LastError);
        Assert.NotNull(state?.FinishedAt);
    }

    public async Task<long> CountAsync(string table, string where = "1 = 1") =>
        await Database.ReadAsync(s => s.QueryFirstAsync($"SELECT COUNT(*) FROM {table} WHERE {where}", static r => r.GetInt64(0)), Token);

    /// <summary>The locations of all bodies; on files as the directories have them, whatever the store says.</summary>
    public string[] Bodies() => !S3Gateway.IsAskedFor
        ? [.. Directory.EnumerateFiles(BlobDirectory, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(BlobDirectory, f)).Where(f => f.StartsWith("sha", StringComparison.Ordinal))]
        : [.. Store.ListAsync(Token).ToBlockingEnumerable(Token).Select(static body => body.Location)];

    /// <summary>The bytes of all uploads, as <c>uploads/KEY</c>.</summary>
    public string[] UploadFiles() => !S3Gateway.IsAskedFor
        ? [.. Directory.GetFiles(Path.Combine(BlobDirectory, "uploads")).Select(f => Path.GetRelativePath(BlobDirectory, f))]
        : [.. Store.ListUploadsAsync(Token).ToBlockingEnumerable(Token).Select(static upload => "uploads/" + upload.UploadKey)];

    /// <summary>Sets the age of a body or an upload.</summary>
    public void SetTime(string location, DateTimeOffset when) => TestStores.SetTime(DataDirectory, location, when);

    public async ValueTask DisposeAsync()
    {
        Pulls.Dispose();
        await Database.DisposeAsync();
        own?.Dispose();
    }
}

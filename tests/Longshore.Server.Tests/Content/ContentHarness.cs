using System.Buffers;
using System.IO.Pipelines;
using Longshore.Core;
using Longshore.Server.Content;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Longshore.Server.Tests.Content;

/// <summary>Content over a real database and real files, with a clock that moves when told, and no server.</summary>
internal sealed class ContentHarness : IAsyncDisposable
{
    private readonly TemporaryDirectory directory = new("content");

    public ContentHarness(ContentOptions? options = null)
    {
        Options = options ?? new();
        Database = SqliteDatabase.Open(DatabaseFile);
        Store = new FileSystemBlobStore(BlobDirectory, Time);
        Publisher = new BlobPublisher(Database, Store, Time, Options);
        Uploads = new BlobUploads(Database, Store, Publisher, Claims, Time, Options);
        Catalog = new RepositoryCatalog(Database, Time);
        Shelf = new BlobShelf(Database, Store, Time);
        Pulls = new PullRecorder(Database, Time, NullLogger<PullRecorder>.Instance);
        Images = new Images(Database, new ImagePusher(Database, Time), Pulls, Time, Options);
        Expiry = new UploadExpiryJob(Database, Store, Claims, Time, Options, NullLogger<UploadExpiryJob>.Instance);
    }

    public static RegistryId Home { get; } = new("123456789012", "eu-central-1");

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public string DataDirectory => directory.Path;

    public string DatabaseFile => directory.Combine("longshore.db");

    public string BlobDirectory => directory.Combine("blobs");

    public SteppedTime Time { get; } = new();

    public ContentOptions Options { get; }

    public SqliteDatabase Database { get; }

    public FileSystemBlobStore Store { get; }

    public UploadClaims Claims { get; } = new();

    public BlobPublisher Publisher { get; }

    public BlobUploads Uploads { get; }

    public RepositoryCatalog Catalog { get; }

    public BlobShelf Shelf { get; }

    public PullRecorder Pulls { get; }

    public Images Images { get; }

    public UploadExpiryJob Expiry { get; }

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

    public async Task<long> CountAsync(string table, string where = "1 = 1") =>
        await Database.ReadAsync(s => s.QueryFirstAsync($"SELECT COUNT(*) FROM {table} WHERE {where}", static r => r.GetInt64(0)), Token);

    public string PathOf(BlobInfo blob) => Path.Combine(BlobDirectory, blob.Location);

    public string[] Bodies() => [.. Directory.EnumerateFiles(BlobDirectory, "*", SearchOption.AllDirectories).Where(f => f.Contains("/sha", StringComparison.Ordinal))];

    public string[] UploadFiles() => Directory.GetFiles(Path.Combine(BlobDirectory, "uploads"));

    public async ValueTask DisposeAsync()
    {
        Pulls.Dispose();
        Expiry.Dispose();
        await Database.DisposeAsync();
        directory.Dispose();
    }
}

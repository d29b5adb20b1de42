using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Oci.Conformance;

/// <summary>
/// The registry under test: Longshore's own binary, or the one that <c>LONGSHORE_CONFORMANCE_URL</c> names
/// (with <c>LONGSHORE_CONFORMANCE_USERNAME</c> and <c>LONGSHORE_CONFORMANCE_PASSWORD</c>, Basic, when it wants credentials).
/// It must create repositories on push, as the published suites do.
/// </summary>
public sealed class ConformanceTarget : IAsyncLifetime
{
    private LongshoreProcess? _server;
    private OciClient? _client;
    private int _repositories;

    public OciClient Client => _client ?? throw new InvalidOperationException("The fixture has not started.");

    /// <summary>Whether the target is not our own binary.</summary>
    public bool IsForeign => _server is null;

    /// <summary>Repositories that tests share, as the published suite's OCI_REPO1 and OCI_REPO2.</summary>
    public string Repository1 { get; private set; } = "";

    public string Repository2 { get; private set; } = "";

    private string Namespace { get; set; } = "conformance";

    /// <summary>A repository name that no other test uses; it does not exist yet.</summary>
    public string NewRepository(string label) => $"{Namespace}/{label}-{Interlocked.Increment(ref _repositories)}";

    public async ValueTask InitializeAsync()
    {
        var token = TestContext.Current.CancellationToken;
        Uri address;
        string? userName, password;
        if (Environment.GetEnvironmentVariable("LONGSHORE_CONFORMANCE_URL") is { Length: > 0 } url)
        {
            address = new Uri(url);
            userName = Environment.GetEnvironmentVariable("LONGSHORE_CONFORMANCE_USERNAME");
            password = Environment.GetEnvironmentVariable("LONGSHORE_CONFORMANCE_PASSWORD");
            // Foreign registries keep what an earlier run left behind.
            Namespace = $"conformance/{Guid.NewGuid():n}";
        }
        else
        {
            _server = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = ["--create-on-push"] }, token);
            address = _server.BaseAddress;
            using var ecr = new EcrClient(address, _server.Options.AccessKeyId, _server.Options.SecretAccessKey);
            (userName, password) = await ecr.GetLoginAsync(token);
        }
        Repository1 = $"{Namespace}/repo1";
        Repository2 = $"{Namespace}/repo2";
        _client = new OciClient(address, userName, password);
        // Go's client asks for gzip by itself; a registry that obliges loses Content-Length.
        _client.Http.DefaultRequestHeaders.TryAddWithoutValidation("Accept-Encoding", "gzip");
        _client.Http.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", "longshore-conformance");
    }

    public async ValueTask DisposeAsync()
    {
        _client?.Dispose();
        if (_server is not null)
            await _server.DisposeAsync();
    }
}

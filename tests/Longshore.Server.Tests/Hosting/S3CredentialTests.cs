using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Hosting;

/// <summary>
/// Where the key comes from with which a bucket is read: each source of AWS's chain, served by a stand-in that is S3, STS, the metadata service of a machine and that of a
/// container in one. What is signed with tells which was taken; nothing secret is logged.
/// </summary>
public sealed class S3CredentialTests
{
    private const string Id = "AKIAEXAMPLEOFCHAIN0";
    private const string Secret = "a-secret-that-is-in-no-log";
    private const string SessionToken = "a-session-token-that-is-in-no-log";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("own variables")]
    [InlineData("environment")]
    [InlineData("profile")]
    [InlineData("container")]
    [InlineData("web identity")]
    [InlineData("machine")]
    public async Task The_key_of_a_bucket_comes_from_each_link_of_the_chain_and_is_never_logged(string source)
    {
        using var directory = new TemporaryDirectory("chain");
        using var aws = new StandIn();
        var environment = new Dictionary<string, string?>
        {
            ["AWS_S3_ACCESS_KEY_ID"] = null,
            ["AWS_S3_SECRET_ACCESS_KEY"] = null,
            ["AWS_EC2_METADATA_DISABLED"] = source == "machine" ? "false" : "true",
            ["AWS_REGION"] = "eu-central-1",
            ["HOME"] = directory.Path,
        };
        switch (source)
        {
            case "own variables":
                (environment["AWS_S3_ACCESS_KEY_ID"], environment["AWS_S3_SECRET_ACCESS_KEY"], environment["AWS_S3_SESSION_TOKEN"]) = (Id, Secret, SessionToken);
                // Meant for something else.
                (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]) = ("AKIAANOTHERONE00000", "other");
                break;
            case "environment":
                (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"], environment["AWS_SESSION_TOKEN"]) = (Id, Secret, SessionToken);
                break;
            case "profile":
                await File.WriteAllTextAsync(
                    directory.Combine("credentials"), $"[registry]\naws_access_key_id = {Id}\naws_secret_access_key = {Secret}\naws_session_token = {SessionToken}\n", Token);
                (environment["AWS_SHARED_CREDENTIALS_FILE"], environment["AWS_PROFILE"]) = (directory.Combine("credentials"), "registry");
                break;
            case "container":
                environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = new Uri(aws.Address, "container").AbsoluteUri;
                break;
            case "web identity":
                await File.WriteAllTextAsync(directory.Combine("token"), "the-token-of-the-pod", Token);
                environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = directory.Combine("token");
                environment["AWS_ROLE_ARN"] = "arn:aws:iam::123456789012:role/registry";
                environment["AWS_ENDPOINT_URL_STS"] = aws.Address.AbsoluteUri;
                break;
            case "machine":
                environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = aws.Address.GetLeftPart(UriPartial.Authority);
                break;
        }

        await using var server = await LongshoreProcess.StartAsync(
            new LongshoreOptions
            {
                Arguments = ["--log-level", "trace", "--blobs", $"s3://bodies/x?region=eu-central-1&endpoint={aws.Address.GetLeftPart(UriPartial.Authority)}"],
                Environment = environment,
            },
            Token);
        Assert.NotEmpty(aws.Signatures);
        Assert.All(aws.Signatures, static signature => Assert.StartsWith($"AWS4-HMAC-SHA256 Credential={Id}/", signature, StringComparison.Ordinal));
        Assert.All(aws.SessionTokens, static token => Assert.Equal(SessionToken, token));
        Assert.Equal(0, await server.StopAsync(Token));
        foreach (var secret in (string[])[Secret, SessionToken, "the-token-of-the-pod"]) Assert.DoesNotContain(secret, server.Output, StringComparison.Ordinal);
    }

    private sealed class StandIn : IDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly ConcurrentDictionary<string, string> _marks = new(StringComparer.Ordinal);

        public StandIn()
        {
            // A listener cannot choose its port.
            using (var free = new TcpListener(IPAddress.Loopback, 0))
            {
                free.Start();
                Address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}/"));
            }

            _listener.Prefixes.Add(Address.AbsoluteUri);
            _listener.Start();
            _ = ServeAsync();
        }

        public Uri Address { get; }

        public ConcurrentQueue<string> Signatures { get; } = new();

        public ConcurrentQueue<string> SessionTokens { get; } = new();

        public void Dispose() => _listener.Close();

        private async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    var context = await _listener.GetContextAsync();
                    var (answer, type) = Answer(context.Request);
                    if (type.Length == 0) context.Response.StatusCode = 404;
                    else context.Response.ContentType = type;
                    var bytes = Encoding.UTF8.GetBytes(answer);
                    context.Response.ContentLength64 = bytes.Length;
                    await context.Response.OutputStream.WriteAsync(bytes);
                    context.Response.Close();
                }
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                // The test is over.
            }
        }

        private (string Answer, string Type) Answer(HttpListenerRequest request)
        {
            const string Expiry = "2099-01-01T00:00:00Z";
            var path = request.Url!.AbsolutePath;
            if (path.StartsWith("/bodies", StringComparison.Ordinal))
            {
                Signatures.Enqueue(request.Headers["Authorization"] ?? "none");
                SessionTokens.Enqueue(request.Headers["x-amz-security-token"] ?? "none");
                if (path.EndsWith("/store-id", StringComparison.Ordinal)) return Mark(request, path);
                return ("<ListBucketResult><Name>bodies</Name><KeyCount>0</KeyCount><MaxKeys>1</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>", "application/xml");
            }

            if (path == "/latest/api/token") return ("a-token", "text/plain");
            var json = $$"""{"Code":"Success","Type":"AWS-HMAC","LastUpdated":"2026-01-01T00:00:00Z","AccessKeyId":"{{Id}}","SecretAccessKey":"{{Secret}}","Token":"{{SessionToken}}","Expiration":"{{Expiry}}"}""";
            if (path == "/container") return (json, "application/json");
            if (path.StartsWith("/latest/meta-data/iam/security-credentials", StringComparison.Ordinal)) return path.EndsWith("/registry", StringComparison.Ordinal) ? (json, "application/json") : ("registry", "text/plain");
            return path == "/"
                ? ($"<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{Id}</AccessKeyId><SecretAccessKey>{Secret}</SecretAccessKey><SessionToken>{SessionToken}</SessionToken><Expiration>{Expiry}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>", "text/xml")
                : ("", "text/plain");
        }

        // The only objects that are kept: without them nobody is ready.
        private (string Answer, string Type) Mark(HttpListenerRequest request, string path)
        {
            if (request.HttpMethod != "PUT") return _marks.TryGetValue(path, out var mark) ? (mark, "text/plain") : ("<Error><Code>NoSuchKey</Code></Error>", "");
            using var reader = new StreamReader(request.InputStream);
            // Between the frames in which it is sent.
            _marks[path] = System.Text.RegularExpressions.Regex.Match(reader.ReadToEnd(), "longshore-store 1\n[0-9a-f]{32}\n[a-z]+\n").Value;
            return ("", "text/plain");
        }
    }
}

using FsCheck;
using FsCheck.Fluent;
using Longshore.Server.Hosting;
using Longshore.Storage.Blobs;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Hosting;

public sealed class ServeOptionsTests
{
    [Fact]
    public void Defaults_serve_one_plain_listener_on_loopback()
    {
        var (options, errors) = Read([]);
        Assert.Empty(errors);
        Assert.Equal([new ListenAddress("127.0.0.1", 5000, null)], options.Listen);
        Assert.False(options.IsTls(options.Listen[0]));
        Assert.Equal(("123456789012", "us-east-1"), (options.Account, options.Region));
        Assert.Equal(Path.GetFullPath("./longshore-data/blobs"), options.BlobDirectory);
        Assert.Equal(TimeSpan.FromSeconds(30), options.ShutdownTimeout);
        Assert.Equal(TimeSpan.FromHours(24), options.UploadExpiry);
    }

    [Fact]
    public void Command_line_wins_over_environment_over_file_over_default()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.Combine("c.json");
        File.WriteAllText(file, """{ "region": "eu-west-1", "account": "111111111111", "data": "/file", /* kept */ "shutdown-timeout": 5, "create-on-push": true, }""");
        var (options, errors) = Read(
            [("region", ["eu-west-3"])],
            new() { ["LONGSHORE_REGION"] = "eu-west-2", ["LONGSHORE_ACCOUNT"] = "222222222222", ["LONGSHORE_LOG_LEVEL"] = "" },
            file);
        Assert.Empty(errors);
        Assert.Equal(("eu-west-3", "222222222222", "/file"), (options.Region, options.Account, options.Data));
        Assert.Equal(TimeSpan.FromSeconds(5), options.ShutdownTimeout);
        Assert.True(options.CreateOnPush);
    }

    [Fact]
    public void Repeated_addresses_add_up_in_each_source()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.Combine("c.json");
        File.WriteAllText(file, """{ "listen": ["http://127.0.0.1:1", "[::1]:2"] }""");
        Assert.Equal([1, 2], Read([], [], file).Options.Listen.Select(a => a.Port));
        Assert.Equal([3, 4], Read([], new() { ["LONGSHORE_LISTEN"] = "*:3, localhost:4" }).Options.Listen.Select(a => a.Port));
        Assert.Equal([5, 6], Read([("listen", ["127.0.0.1:5", "127.0.0.1:6"])]).Options.Listen.Select(a => a.Port));
    }

    [Theory]
    [InlineData("listen", "127.0.0.1")]
    [InlineData("listen", "127.0.0.1:65536")]
    [InlineData("listen", "ftp://127.0.0.1:1")]
    [InlineData("listen", "http://127.0.0.1:1/path")]
    [InlineData("listen", "http://example.com:1")]
    [InlineData("listen", "localhost:0")]
    [InlineData("listen", "https://127.0.0.1:1")]
    [InlineData("data", "")]
    [InlineData("account", "12345678901")]
    [InlineData("region", "mars")]
    [InlineData("tls-cert", "/no/such/file")]
    [InlineData("database", "mysql://x")]
    [InlineData("database", "postgres://host:5432/db")]
    [InlineData("database", "postgres://user@host?sslmode=require")]
    [InlineData("blobs", "s3://B_cket/prefix")]
    [InlineData("blobs", "gs://bucket")]
    [InlineData("create-on-push", "yes")]
    [InlineData("shutdown-timeout", "3601")]
    [InlineData("shutdown-timeout", "-1")]
    [InlineData("upload-expiry", "59s")]
    [InlineData("upload-expiry", "31d")]
    [InlineData("upload-expiry", "24")]
    [InlineData("upload-expiry", "99999999999h")]
    [InlineData("public-url", "example.com")]
    [InlineData("public-url", "https://example.com/registry")]
    [InlineData("log-level", "loud")]
    public void Wrong_value_names_the_option_in_all_spellings_and_what_is_accepted(string key, string value)
    {
        var error = Assert.Single(Read([(key, [value])]).Errors);
        var option = ServeOptionTable.All.Single(o => o.Key == key);
        Assert.StartsWith(option.Spellings + ": ", error, StringComparison.Ordinal);
        Assert.EndsWith($"; give {option.Accepts}.", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Address_of_a_database_is_understood_and_its_password_is_in_no_message()
    {
        var options = Read([("database", ["postgres://u@[::1]:6543/db?sslmode=require"])], new() { [ServeOptions.DatabasePasswordVariable] = "verysecret" }).Options;
        Assert.Equal("postgres://u@::1:6543/db", options.Database?.ToString());
        Assert.True(options.Database!.HasPassword);
        Assert.Contains("it names no user", Read([("database", ["postgres://h/db"])]).Errors.Single(), StringComparison.Ordinal);
        Assert.Contains("sslmode is disable,", Read([("database", ["postgres://u:verysecret@h/db?sslmode=maybe"])]).Errors.Single(), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", Read([("database", ["postgres://u:verysecret@h/db?sslmode=maybe"])]).Errors.Single(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_bucket_is_named_by_a_url()
    {
        var (options, errors) = Read([("blobs", ["s3://my-bucket/some/prefix?endpoint=http://10.0.0.1:9000&region=eu-west-1&sse=aws:kms&sse-kms-key=abc&public-endpoint=https://s3.example.com"])]);
        Assert.Empty(errors);
        Assert.Equal(
            new S3BlobOptions
            {
                Bucket = "my-bucket",
                Prefix = "some/prefix/",
                Region = "eu-west-1",
                Endpoint = new Uri("http://10.0.0.1:9000"),
                PathStyle = true,
                Encryption = "aws:kms",
                KmsKey = "abc",
                PublicEndpoint = new Uri("https://s3.example.com"),
                Public = true,
            },
            options.BlobBucket);
        Assert.Equal("some/prefix/archive/", options.ArchiveBucket?.Prefix);
    }

    [Theory]
    [InlineData("s3://", "no name of a bucket")]
    [InlineData("s3://B_cket", "no name of a bucket")]
    [InlineData("s3://bucket/a//b", "prefix")]
    [InlineData("s3://bucket?sse=rot13", "sse")]
    [InlineData("s3://bucket?endpoint=ftp://x", "endpoint")]
    [InlineData("s3://bucket?sse-kms-key=k", "needs sse=aws:kms")]
    [InlineData("s3://bucket?secret=x", "not understood")]
    public void What_is_wrong_with_a_bucket_is_told(string url, string problem) =>
        Assert.Contains(problem, Read([("blobs", [url])]).Errors.Single(), StringComparison.Ordinal);

    [Fact]
    public void All_errors_come_at_once_from_all_sources()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.Combine("c.json");
        File.WriteAllText(file, """{ "account": "x", "colour": "blue" }""");
        var errors = Read([("region", ["mars"])], new() { ["LONGSHORE_LOG_LEVEL"] = "loud", [ServeOptions.RootKeyVariable] = "short" }, file).Errors;
        Assert.Equal(5, errors.Count);
        Assert.Single(errors, e => e.Contains("\"colour\" is not an option", StringComparison.Ordinal));
        Assert.Single(errors, e => e.Contains("\"mars\" (from the command line)", StringComparison.Ordinal));
        Assert.Single(errors, e => e.Contains("\"loud\" (from the environment)", StringComparison.Ordinal));
        Assert.Single(errors, e => e.Contains("\"x\" (from the configuration file)", StringComparison.Ordinal));
        Assert.Single(errors, e => e.Contains(ServeOptions.RootKeyVariable, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("""{ "region": "eu-west-1", "region": "eu-west-2" }""")]
    [InlineData("""{ "region": {} }""")]
    [InlineData("""{ "region": null }""")]
    public void Broken_configuration_file_is_an_error_and_no_exception(string text)
    {
        using var directory = new TemporaryDirectory();
        var file = directory.Combine("c.json");
        File.WriteAllText(file, text);
        Assert.Single(Read([], [], file).Errors);
    }

    [Fact]
    public void Missing_configuration_file_is_an_error() => Assert.Single(Read([], [], "/no/such/file").Errors);

    [Fact]
    public void Certificate_needs_its_key_and_an_https_listener()
    {
        using var directory = new TemporaryDirectory();
        var (cert, key) = TestCertificates.Write(directory, "a", "localhost");
        Assert.Contains("tls-key", Read([("tls-cert", [cert])]).Errors.Single(), StringComparison.Ordinal);
        Assert.Contains("tls-cert", Read([("tls-key", [key])]).Errors.Single(), StringComparison.Ordinal);
        Assert.Contains("every address says http", Read([("tls-cert", [cert]), ("tls-key", [key]), ("listen", ["http://127.0.0.1:1"])]).Errors.Single(), StringComparison.Ordinal);
        Assert.Contains("cannot be used", Read([("tls-cert", [key]), ("tls-key", [key])]).Errors.Single(), StringComparison.Ordinal);
        var (options, errors) = Read([("tls-cert", [cert]), ("tls-key", [key])]);
        Assert.Empty(errors);
        Assert.True(options.IsTls(options.Listen[0]));
    }

    [Fact]
    public void No_text_makes_any_option_throw() =>
        Prop.ForAll<string>(text =>
        {
            foreach (var option in ServeOptionTable.All)
                _ = Read([(option.Key, [text ?? ""])]);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Documentation_lists_the_options_as_the_code_has_them()
    {
        var expected = ServeOptionTable.All.Select(o =>
            $"| `{o.CommandLine} {o.Value}` | `{o.Environment}` | `{o.Key}` | {o.Default} | {o.Accepts.Replace("|", "\\|", StringComparison.Ordinal)} | {o.Summary} |");
        var actual = File.ReadLines(Path.Combine(RepositoryRoot.Path, "docs/operate/options.md"))
            .Where(line => line.StartsWith("| `--", StringComparison.Ordinal));
        Assert.Equal(string.Join('\n', expected), string.Join('\n', actual));
    }

    private static (ServeOptions Options, IReadOnlyList<string> Errors) Read(
        (string Key, string[] Values)[] commandLine, Dictionary<string, string>? environment = null, string? file = null)
    {
        var reader = new ServeOptionsReader();
        var options = reader.Read(
            key => commandLine.Where(c => c.Key == key).Select(c => c.Values).FirstOrDefault(),
            name => environment?.GetValueOrDefault(name),
            file);
        return (options, reader.Errors);
    }
}

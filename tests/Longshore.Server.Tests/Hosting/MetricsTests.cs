using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Longshore.Server.Hosting.Telemetry;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Hosting;

/// <summary><c>/metrics</c>: its own listener, its names, and that nothing in it grows with the registry.</summary>
public sealed partial class MetricsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Metrics_count_calls_and_bytes_on_a_listener_of_their_own()
    {
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = ["--metrics-listen", "127.0.0.1:0"] }, Token);
        var metrics = new Uri(Regex.Match(server.Output, @"Metrics:\s+(\S+)").Groups[1].Value);
        using var ecr = new EcrClient(server.BaseAddress, server.Options.AccessKeyId, server.Options.SecretAccessKey);
        await ecr.CreateRepositoryAsync("secret-team/secret-app", Token);
        var (user, password) = await ecr.GetLoginAsync(Token);
        using var oci = new OciClient(server.BaseAddress, user, password);
        var image = TestImage.Create(31, 50_000);
        await oci.PushImageAsync("secret-team/secret-app", image, "secret-tag", Token);
        await oci.VerifyImageAsync("secret-team/secret-app", image, "secret-tag", Token);
        using (var missing = await ecr.CallAsync("DescribeImages", """{"repositoryName":"no/such"}""", Token)) Assert.Equal(HttpStatusCode.BadRequest, missing.Status);
        using var http = new HttpClient();
        using (var anonymous = await http.GetAsync(new Uri(server.BaseAddress, "/v2/x/tags/list"), Token)) Assert.Equal(HttpStatusCode.Unauthorized, anonymous.StatusCode);

        var text = await http.GetStringAsync(metrics, Token);
        Assert.Equal(1, Value(text, "longshore_calls_total", "PutImage", "success"));
        Assert.Equal(1, Value(text, "longshore_calls_total", "DescribeImages", "client_error"));
        Assert.Equal(1, Value(text, "longshore_calls_total", "ListImages", "unauthenticated"));
        Assert.True(Value(text, "longshore_blob_received_bytes_total") >= 50_000);
        Assert.True(Value(text, "longshore_blob_sent_bytes_total") >= 50_000);
        Assert.Contains("http_server_request_duration_seconds_bucket{", text, StringComparison.Ordinal);
        Assert.Contains("dotnet_process_memory_working_set_bytes ", text, StringComparison.Ordinal);
        Assert.DoesNotContain("secret-", text, StringComparison.Ordinal);
        Assert.All(text.TrimEnd('\n').Split('\n'), static line => Assert.Matches(Line(), line));

        foreach (var path in (string[])["/metrics", "/METRICS", "/metrics/", "/%6detrics", "/x/../Metrics/"])
        {
            using var elsewhere = await http.GetAsync(new Uri(server.BaseAddress, path), Token);
            Assert.True(elsewhere.StatusCode == HttpStatusCode.NotFound, path);
        }

        using var registry = await http.GetAsync(new Uri(metrics, "/v2/"), Token);
        Assert.Equal(HttpStatusCode.NotFound, registry.StatusCode);
        using var health = await http.GetAsync(new Uri(metrics, "/readyz"), Token);
        Assert.Equal(HttpStatusCode.OK, health.StatusCode);
    }

    [Fact]
    public void Series_beyond_the_bound_are_counted_together()
    {
        using var meter = new Meter("Longshore.Tests.Overflow");
        using var metrics = new PrometheusMetrics(static name => name == "Longshore.Tests.Overflow");
        var counter = meter.CreateCounter<long>("longshore.tests.things", "{thing}");
        for (var i = 0; i < PrometheusMetrics.MaxSeries + 500; i++) counter.Add(1, new KeyValuePair<string, object?>("name", i));
        var lines = metrics.Write().Split('\n').Where(static line => line.StartsWith("longshore_tests_things_total{", StringComparison.Ordinal)).ToList();
        Assert.Equal(PrometheusMetrics.MaxSeries + 1, lines.Count);
        Assert.Contains("longshore_tests_things_total{otel_metric_overflow=\"true\"} 500", lines);
    }

    [Fact]
    public async Task Every_metric_of_the_dashboard_and_the_guide_is_there()
    {
        await using var server = await LongshoreProcess.StartAsync(new LongshoreOptions { Arguments = ["--metrics-listen", "127.0.0.1:0"] }, Token);
        var metrics = new Uri(Regex.Match(server.Output, @"Metrics:\s+(\S+)").Groups[1].Value);
        using var ecr = new EcrClient(server.BaseAddress, server.Options.AccessKeyId, server.Options.SecretAccessKey);
        await ecr.CreateRepositoryAsync("a/b", Token);
        using var http = new HttpClient();
        var text = await http.GetStringAsync(metrics, Token);
        var dashboard = await File.ReadAllTextAsync(Path.Combine(RepositoryRoot.Path, "examples", "grafana", "longshore.json"), Token);
        var guide = await File.ReadAllTextAsync(Path.Combine(RepositoryRoot.Path, "docs", "operate", "monitoring.md"), Token);
        using (JsonDocument.Parse(dashboard))
        {
        }

        var published = text.Split('\n').Where(static line => line.StartsWith("# TYPE ", StringComparison.Ordinal)).Select(static line => line.Split(' ')[2]).ToHashSet();
        foreach (Match named in Named().Matches(dashboard + guide))
        {
            var name = Regex.Replace(named.Value, "_(bucket|sum|count)$", "");
            Assert.True(published.Contains(name), $"{name} is in the dashboard or the guide, and no metric");
        }
    }

    private static double Value(string text, string name, string? operation = null, string? outcome = null) => double.Parse(
        text.Split('\n').Single(line => line.StartsWith(name + (operation is null ? " " : "{"), StringComparison.Ordinal)
            && (operation is null || (line.Contains($"longshore_operation=\"{operation}\"", StringComparison.Ordinal) && line.Contains($"longshore_outcome=\"{outcome}\"", StringComparison.Ordinal)))).Split(' ')[^1],
        CultureInfo.InvariantCulture);

    [GeneratedRegex("""\A(# (HELP|TYPE) [a-zA-Z_:][a-zA-Z0-9_:]* .*|[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\.)*"(,[a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\.)*")*\})? -?[0-9.eE+-]+)\z""")]
    private static partial Regex Line();

    [GeneratedRegex(@"\b(longshore|http_server|kestrel|dotnet)_[a-z_]+_(total|bytes|seconds|connections|requests|bucket|count|sum)\b")]
    private static partial Regex Named();
}

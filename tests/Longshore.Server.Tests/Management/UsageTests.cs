using System.Net;

namespace Longshore.Server.Tests.Management;

[Collection(ManagementCollection.Name)]
public sealed class UsageTests(ManagementFixture api)
{
    [Fact]
    public async Task A_source_reports_is_listed_replaced_and_forgotten()
    {
        const string Region = "ap-south-2";
        var digest = "sha256:" + new string('a', 64);
        var receipt = await api.CallAsync(
            HttpMethod.Put,
            "usage/k8s-prod",
            new
            {
                ttlSeconds = 900,
                covers = new[] { "prod/*" },
                records = new object[]
                {
                    new { repository = "prod/api", digest, workload = new { kind = "Deployment", cluster = "eu", @namespace = "shop", name = "api" } },
                    new { repository = "prod/api", digest },
                    new { repository = "prod/gone", tag = "v1" },
                },
            },
            Region);
        Assert.Equal((2, 1, true), (receipt.GetProperty("records").GetInt32(), receipt.GetProperty("unresolved").GetInt32(), receipt.GetProperty("complete").GetBoolean()));
        Assert.Equal("prod/gone", receipt.GetProperty("firstUnresolved")[0].GetProperty("repository").GetString());

        var source = Assert.Single((await api.CallAsync(HttpMethod.Get, "usage", region: Region)).GetProperty("sources").EnumerateArray());
        Assert.Equal(("k8s-prod", "fresh", 2), (source.GetProperty("name").GetString(), source.GetProperty("state").GetString(), source.GetProperty("records").GetInt32()));
        Assert.Equal(900, (source.GetProperty("staleAt").GetDateTimeOffset() - source.GetProperty("lastReportAt").GetDateTimeOffset()).TotalSeconds);
        var records = (await api.CallAsync(HttpMethod.Get, "usage/k8s-prod/records", region: Region)).GetProperty("records");
        Assert.Equal("shop", records[0].GetProperty("workload").GetProperty("namespace").GetString());
        Assert.False(records[1].TryGetProperty("workload", out _));
        Assert.Empty((await api.CallAsync(HttpMethod.Get, "usage/k8s-prod/records?repository=prod/other", region: Region)).GetProperty("records").EnumerateArray());

        await api.CallAsync(HttpMethod.Put, "usage/k8s-prod", new { ttlSeconds = 60, covers = new[] { "prod/*", "dev/api" }, records = Array.Empty<object>() }, Region);
        var replaced = await api.CallAsync(HttpMethod.Get, "usage/k8s-prod", region: Region);
        Assert.Equal((0, 60, 2), (replaced.GetProperty("records").GetInt32(), replaced.GetProperty("ttlSeconds").GetInt32(), replaced.GetProperty("covers").GetArrayLength()));

        await api.CallAsync(HttpMethod.Delete, "usage/k8s-prod", region: Region);
        await api.RefusedAsync(HttpStatusCode.NotFound, "UsageSourceNotFound", HttpMethod.Get, "usage/k8s-prod", region: Region);
        await api.RefusedAsync(HttpStatusCode.NotFound, "UsageSourceNotFound", HttpMethod.Get, "usage/k8s-prod/records", region: Region);
        await api.RefusedAsync(HttpStatusCode.NotFound, "UsageSourceNotFound", HttpMethod.Delete, "usage/k8s-prod", region: Region);
    }

    [Fact]
    public async Task A_tag_is_resolved_when_it_is_reported()
    {
        var repository = await api.NewRepositoryAsync();
        var first = await api.PushAsync(repository, 1, "live");
        await api.CallAsync(HttpMethod.Put, "usage/tags", new { ttlSeconds = 60, covers = new[] { repository }, records = new[] { new { repository, tag = "live" } } });
        await api.PushAsync(repository, 2, "live");
        var record = Assert.Single((await api.CallAsync(HttpMethod.Get, "usage/tags/records")).GetProperty("records").EnumerateArray());
        Assert.Equal(first.Digest, record.GetProperty("digest").GetString());
        await api.CallAsync(HttpMethod.Delete, "usage/tags");
    }

    [Fact]
    public async Task A_hundred_thousand_records_come_in_parts_and_are_listed_by_pages()
    {
        const string Region = "ap-east-1";
        const int All = 100_000;
        const int Part = 20_000;
        long? report = null;
        for (var from = 0; from < All; from += Part)
        {
            var records = Enumerable.Range(from, Part).Select(i => new { repository = $"prod/r{i % 100:d2}", digest = "sha256:" + i.ToString("x64", null), workload = new { name = $"w{i}" } });
            var part = await api.CallAsync(HttpMethod.Put, "usage/big", new { ttlSeconds = 3600, covers = new[] { "prod/*" }, records, more = from + Part < All, report }, Region);
            report = part.GetProperty("report").GetInt64();
            Assert.Equal(from + Part, part.GetProperty("records").GetInt32());
        }

        Assert.Equal(All, (await api.CallAsync(HttpMethod.Get, "usage/big", region: Region)).GetProperty("records").GetInt32());
        var seen = new HashSet<string>();
        string? next = null;
        do
        {
            var page = await api.CallAsync(HttpMethod.Get, $"usage/big/records?maxResults=400&repository=prod/r07{(next is null ? "" : "&nextToken=" + next)}", region: Region);
            foreach (var record in page.GetProperty("records").EnumerateArray()) Assert.True(seen.Add(record.GetProperty("digest").GetString()!));
            next = page.TryGetProperty("nextToken", out var token) ? token.GetString() : null;
        }
        while (next is not null);
        Assert.Equal(All / 100, seen.Count);
        var everything = await api.CallAsync(HttpMethod.Get, "usage/big/records?maxResults=1000", region: Region);
        Assert.Equal(1000, everything.GetProperty("records").GetArrayLength());
        Assert.True(everything.TryGetProperty("nextToken", out _));
        await api.CallAsync(HttpMethod.Delete, "usage/big", region: Region);
    }

    [Theory]
    [InlineData("""{"ttlSeconds":59,"covers":["a/*"],"records":[]}""", "'ttlSeconds'")]
    [InlineData("""{"ttlSeconds":9223372036854775807,"covers":["a/*"],"records":[]}""", "'ttlSeconds'")]
    [InlineData("""{"ttlSeconds":60,"covers":[],"records":[]}""", "'covers'")]
    [InlineData("""{"ttlSeconds":60,"covers":["A"],"records":[]}""", "'covers'")]
    [InlineData("""{"ttlSeconds":60,"covers":[null],"records":[]}""", "'covers'")]
    [InlineData("""{"ttlSeconds":60,"covers":["a/*"],"records":[{"repository":"a/b"}]}""", "'records[0]'")]
    [InlineData("""{"ttlSeconds":60,"covers":["a/*"],"records":[{"repository":"a/b","tag":"v1"},{"repository":"a/b","digest":"md5:1"}]}""", "'records[1].digest'")]
    [InlineData("""{"ttlSeconds":60,"covers":["a/*"],"records":[{"repository":"a/b","tag":"v1","image":"x"}]}""", "$.records[0].image")]
    [InlineData("""{"ttlSeconds":60,"covers":["a/*"],"records":[null]}""", "'records[0]'")]
    [InlineData("""{"ttlSeconds":60,"covers":["a/*"],"records":[{"repository":"a/b","tag":"v1","workload":{"name":"a\tb"}}]}""", "'records[0]'")]
    [InlineData("""{"ttlSeconds":60,"covers":["a/*"],"records":[],"report":7}""", "Begin anew")]
    [InlineData("""{"ttlSeconds":60,"covers":["a/*"],"records":[],"report":0}""", "Begin anew")]
    public async Task What_is_malformed_is_refused(string body, string said)
    {
        Assert.Contains(said, await api.RefusedAsync(HttpStatusCode.BadRequest, "InvalidParameter", HttpMethod.Put, "usage/bad", body), StringComparison.Ordinal);
        await api.RefusedAsync(HttpStatusCode.NotFound, "UsageSourceNotFound", HttpMethod.Get, "usage/bad");
    }

    [Fact]
    public async Task A_plan_over_the_wire_tells_who_keeps_what()
    {
        var repository = await api.NewRepositoryAsync();
        var running = await api.PushAsync(repository, 1, "v1");
        var held = await api.PushAsync(repository, 2, "v2");
        var loose = await api.PushAsync(repository, 3, "v3");
        await api.PushAsync(repository, 4, "v4");
        await api.CallAsync(HttpMethod.Put, $"protections/plan-{Guid.NewGuid():N}?repository={repository}", new { owner = "ada", reason = "audit", tagPattern = "v2" });
        await api.CallAsync(
            HttpMethod.Put,
            "usage/plan",
            new { ttlSeconds = 600, covers = new[] { repository }, records = new[] { new { repository, digest = running.Digest, workload = new { kind = "Deployment", name = "api" } } } });
        const string Policy = """{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]}""";
        var plan = await api.CallAsync(HttpMethod.Post, $"plans?repository={repository}", new { policyText = Policy });
        var id = plan.GetProperty("id").GetString();
        while (plan.GetProperty("status").GetString() == "IN_PROGRESS")
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, ManagementFixture.Token);
            plan = await api.CallAsync(HttpMethod.Get, $"plans/{id}");
        }

        Assert.Equal((1, 2), (plan.GetProperty("expiring").GetInt32(), plan.GetProperty("vetoed").GetInt32()));
        var why = (await api.CallAsync(HttpMethod.Get, $"plans/{id}/images")).GetProperty("images").EnumerateArray()
            .ToDictionary(image => image.GetProperty("digest").GetString()!, image => image.GetProperty("why").GetString()!);
        Assert.StartsWith("kept: in use by Deployment api (reported by plan)", why[running.Digest], StringComparison.Ordinal);
        Assert.StartsWith("kept: protected by ada (plan-", why[held.Digest], StringComparison.Ordinal);
        Assert.StartsWith("expires by rule 1", why[loose.Digest], StringComparison.Ordinal);
        await api.CallAsync(HttpMethod.Delete, "usage/plan");
    }
}

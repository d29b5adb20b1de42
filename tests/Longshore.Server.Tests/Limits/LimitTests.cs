using System.Globalization;
using System.Net;
using System.Text.Json;
using Longshore.Server.Tests.Faults;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Limits;

/// <summary>Registries with very many tags and repositories: lists are complete, in order, and cost no more at their end than at their start.</summary>
[Collection(StressCollection.Name)]
public sealed class LimitTests(LiveRegistryFixture fixture) : IClassFixture<LiveRegistryFixture>
{
    private const int Clients = 8;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Twenty_thousand_tags_are_walked_whole_and_in_order()
    {
        const string repository = "limits/tags";
        const int images = 40, perImage = 500, perRequest = 100;
        var random = new Random(20_000);
        var tags = Enumerable.Range(0, images * perImage).Select(i => RandomTag(random, i)).ToList();
        await AtOnceAsync(images, async (client, i) =>
        {
            var image = TestImage.Create(i, 100);
            await client.PushImageAsync(repository, image, null, Token);
            foreach (var batch in tags.Skip(i * perImage).Take(perImage).Chunk(perRequest))
            {
                // One request each for some, as docker does it; the others many at once.
                var single = batch.Take(i % 5).ToList();
                foreach (var tag in single) await client.PushManifestAsync(repository, tag, image, Token);
                var query = string.Join('&', batch.Skip(single.Count).Select(tag => "tag=" + tag));
                await client.PushManifestAsync(repository, $"{image.Digest}?{query}", image, Token);
            }
        });

        tags.Sort(StringComparer.Ordinal);
        foreach (var pageSize in (int?[])[100, 1000, 999, null])
            Assert.Equal(tags, await fixture.Registry.Client.ListTagsAsync(repository, Token, pageSize));

        var middle = await fixture.Registry.Client.ExpectAsync(
            HttpStatusCode.OK, HttpMethod.Get, $"/v2/{repository}/tags/list?n=3&last={tags[9_999]}", Token);
        Assert.Equal(tags.Skip(10_000).Take(3), middle.Json["tags"]!.AsArray().Select(tag => (string)tag!));
        fixture.Registry.ExpectNoFailuresInLog();
    }

    [Fact]
    public async Task Five_thousand_repositories_are_walked_whole_and_in_order_by_both_faces()
    {
        const int count = 5_000;
        var names = Enumerable.Range(0, count)
            .Select(i => string.Create(CultureInfo.InvariantCulture, $"many/{i * 7919 % 97:00}{(i % 3) switch { 0 => "-", 1 => "/", _ => "." }}r{i}"))
            .ToList();
        await AtOnceAsync(count, async (_, i) => await fixture.Registry.CreateRepositoryAsync(names[i], Token));

        names.Sort(StringComparer.Ordinal);
        foreach (var pageSize in (int[])[100, 1000])
        {
            var walked = new List<string>();
            for (var next = $"/v2/_catalog?n={pageSize}"; next is not null;)
            {
                var page = await fixture.Registry.Client.ExpectAsync(HttpStatusCode.OK, HttpMethod.Get, next, Token);
                walked.AddRange(page.Json["repositories"]!.AsArray().Select(name => (string)name!));
                next = OciClient.NextPage(page);
            }

            Assert.Equal(names, walked.Where(name => name.StartsWith("many/", StringComparison.Ordinal)));
        }

        var described = new List<string>();
        string? token = null;
        do
        {
            var page = await fixture.Registry.Ecr.InvokeAsync("DescribeRepositories", JsonSerializer.Serialize(new { maxResults = 1000, nextToken = token }), Token);
            described.AddRange(page.GetProperty("repositories").EnumerateArray().Select(r => r.GetProperty("repositoryName").GetString()!));
            token = page.TryGetProperty("nextToken", out var more) ? more.GetString() : null;
        }
        while (token is not null);
        Assert.Equal(names, described.Where(name => name.StartsWith("many/", StringComparison.Ordinal)));
        fixture.Registry.ExpectNoFailuresInLog();
    }

    /// <summary>Does a number of things, eight clients sharing them out.</summary>
    private async Task AtOnceAsync(int count, Func<OciClient, int, Task> work)
    {
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async _ =>
        {
            using var client = fixture.Registry.NewClient();
            for (int i; (i = Interlocked.Increment(ref next)) < count;) await work(client, i);
        }));
    }

    // Every character that a tag can hold, so that the order is the bytes' and no culture's.
    private static string RandomTag(Random random, int i)
    {
        const string first = "abcXYZ019_", rest = "abcdXYZ0189_.-";
        var text = string.Create(6, random, static (span, random) =>
        {
            for (var c = 0; c < span.Length; c++) span[c] = (c == 0 ? first : rest)[random.Next(c == 0 ? first.Length : rest.Length)];
        });
        return string.Create(CultureInfo.InvariantCulture, $"{text}{i}");
    }
}

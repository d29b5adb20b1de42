using Longshore.Core;
using Longshore.Server.Content;
using Longshore.TestSupport.Oci;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.Content;

public sealed class ImageIdListerTests
{
    [Fact]
    public async Task Pages_of_any_size_hold_every_entry_once_and_in_order()
    {
        await using var content = new ContentHarness();
        for (var seed = 0; seed < 12; seed++)
        {
            var random = new Random(seed);
            var name = await content.CreateAsync($"list/{seed}");
            var tagged = new List<(string Tag, string Digest)>();
            var untagged = new List<string>();
            var count = random.Next(0, 7);
            for (var i = 0; i < count; i++)
            {
                var image = TestImage.Create((seed * 100) + i, 10);
                var tags = Enumerable.Range(0, random.Next(0, 4)).Select(t => $"{"aZ_0"[random.Next(4)]}{i}.{t}").ToArray();
                await content.PushAsync(name, image, tags);
                if (tags.Length == 0) untagged.Add(image.Digest);
                tagged.AddRange(tags.Select(t => (t, image.Digest)));
            }

            tagged.Sort((a, b) => string.CompareOrdinal(a.Tag, b.Tag));
            untagged.Sort(StringComparer.Ordinal);
            foreach (var status in Enum.GetValues<TagStatus>())
            {
                var expected = new List<(string Digest, string? Tag)>();
                if (status != TagStatus.Untagged) expected.AddRange(tagged.Select(t => (t.Digest, (string?)t.Tag)));
                if (status != TagStatus.Tagged) expected.AddRange(untagged.Select(d => (d, (string?)null)));
                foreach (var limit in new[] { 1, 2, 3, 5, 100 }) Assert.Equal(expected, await WalkAsync(content, name, status, limit));
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("t:")]
    [InlineData("t:-x")]
    [InlineData("u:sha256:xyz")]
    public async Task Positions_that_no_page_gave_are_refused(string position)
    {
        await using var content = new ContentHarness();
        var name = await content.CreateAsync("list");
        Assert.Equal(ErrorCode.InvalidParameter, (await content.Images.ListImageIdsAsync(Home, name, TagStatus.Any, position, 10, Token)).Error?.Code);
    }

    private static async Task<List<(string Digest, string? Tag)>> WalkAsync(ContentHarness content, RepositoryName name, TagStatus status, int limit)
    {
        var all = new List<(string, string?)>();
        string? position = null;
        do
        {
            var page = (await content.Images.ListImageIdsAsync(Home, name, status, position, limit, Token)).Value;
            Assert.True(page.Images.Count <= limit);
            all.AddRange(page.Images.Select(i => (i.Digest.Value, i.Tag)));
            position = page.Next;
        }
        while (position is not null);
        return all;
    }
}

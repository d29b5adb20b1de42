using System.Net;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Oci.Conformance;

public sealed class TagListTests(ConformanceTarget target) : ConformanceTests(target)
{
    // In byte order: digits, capitals, underscore, small letters.
    private static readonly string[] Sorted = ["0", "1.0", "1.0-a", "Zulu", "_x", "alpha", "test0", "test1", "test10", "test2", "zulu"];

    [Fact]
    public async Task All_tags_come_in_byte_order_on_one_page()
    {
        var repository = await RepositoryWithTagsAsync();
        var response = await GetAsync($"/v2/{repository}/tags/list");
        Assert.Equal(Sorted, TagsOf(response));
        Assert.Equal(repository, (string?)response.Json["name"]);
        Assert.StartsWith("application/json", response.Header("Content-Type"), StringComparison.Ordinal);
        Assert.Null(response.Header("Link"));
    }

    [Fact]
    public async Task N_limits_the_page_and_last_continues_after_it()
    {
        var repository = await RepositoryWithTagsAsync();
        for (var n = 0; n <= Sorted.Length + 1; n++)
            Assert.Equal(Sorted.Take(n), TagsOf(await GetAsync($"/v2/{repository}/tags/list?n={n}")));
        foreach (var last in Sorted)
        {
            var after = Sorted.SkipWhile(tag => tag != last).Skip(1).ToList();
            Assert.Equal(after, TagsOf(await GetAsync($"/v2/{repository}/tags/list?last={last}")));
            Assert.Equal(after.Take(2), TagsOf(await GetAsync($"/v2/{repository}/tags/list?n=2&last={last}")));
        }
    }

    [Fact]
    public async Task Last_need_not_be_a_tag_that_exists()
    {
        var repository = await RepositoryWithTagsAsync();
        Assert.Equal(["zulu"], TagsOf(await GetAsync($"/v2/{repository}/tags/list?last=test99")));
        Assert.Empty(TagsOf(await GetAsync($"/v2/{repository}/tags/list?last=zzz")));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(11)]
    [InlineData(12)]
    public async Task Link_leads_through_all_pages(int n)
    {
        var repository = await RepositoryWithTagsAsync();
        Assert.Equal(Sorted, await Client.ListTagsAsync(repository, Token, n));
        var first = Expect(await GetAsync($"/v2/{repository}/tags/list?n={n}"), HttpStatusCode.OK);
        Assert.Equal(n < Sorted.Length, OciClient.NextPage(first) is not null);
    }

    [Fact]
    public async Task Repository_whose_last_tag_went_has_an_empty_list()
    {
        var repository = Target.NewRepository("untagged");
        var image = NewImage();
        await Client.PushImageAsync(repository, image, "only", Token);
        Expect(await Client.DeleteManifestAsync(repository, "only", Token), HttpStatusCode.Accepted);
        Assert.Empty(TagsOf(await GetAsync($"/v2/{repository}/tags/list")));
        Expect(await Client.DeleteManifestAsync(repository, image.Digest, Token), HttpStatusCode.Accepted);
        Assert.Empty(TagsOf(await GetAsync($"/v2/{repository}/tags/list")));
    }

    private async Task<string> RepositoryWithTagsAsync()
    {
        var repository = Target.NewRepository("tags");
        var image = NewImage();
        await Client.PushImageAsync(repository, image, null, Token);
        // Not in order, and one of them twice.
        foreach (var tag in Sorted.Reverse().Append("alpha"))
            await Client.PushManifestAsync(repository, tag, image, Token);
        return repository;
    }
}

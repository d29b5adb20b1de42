using Longshore.Core;
using Longshore.Server.Oci;

namespace Longshore.Server.Tests.Oci;

public sealed class PagingTests
{
    [Theory]
    [InlineData(null, 1000)]
    [InlineData("0", 0)]
    [InlineData("1", 1)]
    [InlineData("999", 999)]
    [InlineData("1001", 1000)]
    [InlineData("99999999999999999999999", 1000)]
    public void Counts_are_read_and_capped(string? text, int expected)
    {
        Assert.Null(Paging.ReadCount(text, out var count));
        Assert.Equal(expected, count);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1.5")]
    [InlineData("ten")]
    [InlineData("٣")]
    public void Counts_that_are_no_numbers_are_refused(string text) =>
        Assert.Equal(ErrorCode.InvalidParameter, Paging.ReadCount(text, out _)?.Code);

    [Fact]
    public void The_next_page_is_linked_as_the_specification_has_it() => Assert.Equal(
        "</v2/_catalog?n=5&last=a%2Fb>; rel=\"next\"",
        Paging.Next("/v2/_catalog", 5, "a/b"));

    [Fact]
    public void The_next_page_of_referrers_keeps_the_filters()
    {
        Assert.True(RepositoryName.TryParse("a/b", out var name));
        var subject = Digest.Compute("x"u8);
        Assert.Equal(
            $"</v2/a/b/referrers/{subject}?next=sha256%3Aff&artifactType=application%2Fa%2Bb&artifactType=c>; rel=\"next\"",
            ReferrersEndpoint.Next(name, subject, "sha256:ff", ["application/a+b", "c"]));
    }
}

using Longshore.Server.Hosting;
using Microsoft.Extensions.Primitives;

namespace Longshore.Server.Tests.Hosting;

public sealed class EntityTagsTests
{
    private const string Tag = "\"sha256:aa\"";

    [Theory]
    [InlineData("\"sha256:aa\"", true, true)]
    [InlineData("W/\"sha256:aa\"", true, true)]
    [InlineData("W/\"sha256:aa\"", false, false)]
    [InlineData("*", false, true)]
    [InlineData("\"x\", \"sha256:aa\"", false, true)]
    [InlineData("\"a,b\",,W/\"c\" ,\"sha256:aa\"", false, true)]
    [InlineData("\"sha256:ab\"", true, false)]
    [InlineData("sha256:aa", true, false)]
    [InlineData("\"sha256:aa", true, false)]
    [InlineData("\"x,\"sha256:aa\"\"", true, false)]
    [InlineData("", true, false)]
    public void Lists_are_compared_as_the_rfc_has_it(string header, bool weak, bool expected) =>
        Assert.Equal(expected, EntityTags.Contains(new StringValues(header), Tag, weak));

    [Fact]
    public void Every_line_counts() => Assert.True(EntityTags.Contains(new StringValues(["\"x\"", Tag]), Tag, weak: false));
}

using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Longshore.Core;
using Longshore.Server.Aws;

namespace Longshore.Server.Tests.Ecr;

public sealed class PageTokenTests
{
    private static readonly RegistryId Registry = new("123456789012", "us-east-1");

    [Fact]
    public void A_position_comes_back_from_its_own_list() => Prop.ForAll<NonEmptyString>(text =>
    {
        // Positions are names, tags and digests: well-formed text, always.
        var position = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.Get));
        if (position.Length > 300) return;
        var tokens = PageToken.For("ListImages", Registry, "a/b", null, "ACTIVE");
        Assert.True(tokens.Read(tokens.Write(position)).TryGet(out var read, out _));
        Assert.Equal(position, read);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void No_text_makes_it_throw() => Prop.ForAll<string?>(text =>
    {
        var outcome = PageToken.For("ListImages", Registry, "a/b").Read(text);
        if (!outcome.Succeeded) Assert.Equal(ErrorCode.InvalidParameter, outcome.Error.Code);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Another_list_refuses_it()
    {
        var token = PageToken.For("ListImages", Registry, "a/b", null).Write("t:v1");
        foreach (var other in (PageToken[])
        [
            PageToken.For("DescribeImages", Registry, "a/b", null),
            PageToken.For("ListImages", Registry with { Region = "eu-west-1" }, "a/b", null),
            PageToken.For("ListImages", Registry, "a/c", null),
            PageToken.For("ListImages", Registry, "a/b", "TAGGED"),
        ])
            Assert.False(other.Read(token).Succeeded);
    }
}

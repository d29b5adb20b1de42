using FsCheck;
using FsCheck.Fluent;
using Longshore.Core.Oci;
using Longshore.Server.Oci;

namespace Longshore.Server.Tests.Oci;

public sealed class RequestTargetTests
{
    [Theory]
    [InlineData("/v2/", "/v2/")]
    [InlineData("/v2", "/v2/")]
    [InlineData("/v2/a/b/manifests/latest", "/v2/a/b/manifests/latest")]
    [InlineData("/v2/ab/tags/list?n=1&last=/../x", "/v2/ab/tags/list")]
    [InlineData("http://host:5000/v2/ab/tags/list", "/v2/ab/tags/list")]
    [InlineData("/v2/ab/manifests/sha256%3Aaa", "/v2/ab/manifests/sha256:aa")]
    [InlineData("/v2/ab/manifests/v1%2e0", "/v2/ab/manifests/v1.0")]
    public void Paths_are_decoded_once(string target, string path)
    {
        Assert.True(RequestTarget.TryParse(target, out var parsed, out _));
        Assert.Equal(path, parsed.ToString());
    }

    [Theory]
    [InlineData("/v2/a%2Fb/manifests/x", true)]
    [InlineData("/v2/a%2fb/manifests/x", true)]
    [InlineData("/v2/ab/%2e%2e/manifests/x", true)]
    [InlineData("/v2/ab/manifests/%252e", true)]
    [InlineData("/v2/ab/manifests/%", true)]
    [InlineData("/v2/ab/manifests/%4", true)]
    [InlineData("/v2/ab/manifests/%zz", true)]
    [InlineData("/v2/ab/manifests/%C3%A4", true)]
    [InlineData("/v2/ab/manifests/%00", true)]
    [InlineData("/v2/ab/manifests/%5c", true)]
    [InlineData("/v2/ab/../cd/manifests/x", false)]
    [InlineData("/x/../v2/ab/manifests/x", false)]
    [InlineData("/V2/ab/manifests/x", false)]
    [InlineData("/v2x/ab/manifests/x", false)]
    [InlineData("/v2/ab", false)]
    [InlineData("*", false)]
    [InlineData("", false)]
    [InlineData("http://host", false)]
    public void Paths_with_two_readings_are_none(string target, bool escaped)
    {
        Assert.False(RequestTarget.TryParse(target, out var path, out var reported));
        Assert.Equal(RegistryRoute.None, path.Route);
        Assert.Equal(escaped, reported);
    }

    [Fact]
    public void No_target_breaks_the_parser() => Prop.ForAll(
        ArbMap.Default.ArbFor<string>(),
        text =>
        {
            var target = "/v2/" + text;
            return !RequestTarget.TryParse(target, out var path, out _) || !path.ToString().Contains('%', StringComparison.Ordinal);
        }).QuickCheckThrowOnFailure();
}

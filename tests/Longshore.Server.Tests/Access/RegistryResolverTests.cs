using Longshore.Core;
using Longshore.Server.Access;

namespace Longshore.Server.Tests.Access;

public sealed class RegistryResolverTests
{
    private static readonly RegistryId Default = new("123456789012", "us-east-1");
    private static readonly RegistryResolver Resolver = new(Default);

    [Theory]
    [InlineData("000000000001.dkr.ecr.eu-west-1.amazonaws.com", "000000000001", "eu-west-1")]
    [InlineData("000000000001.dkr.ecr.eu-west-1.localhost:5000", "000000000001", "eu-west-1")]
    [InlineData("000000000001.DKR.ECR.eu-west-1.x", "000000000001", "eu-west-1")]
    [InlineData("000000000001.dkr-ecr.us-gov-west-1.on.aws", "000000000001", "us-gov-west-1")]
    [InlineData("000000000001.dkr.ecr-fips.us-west-2.amazonaws.com", "000000000001", "us-west-2")]
    public void A_host_name_in_ecrs_form_names_the_registry(string host, string account, string region) =>
        Assert.Equal(new RegistryId(account, region), Resolver.ForHost(host));

    [Theory]
    [InlineData("")]
    [InlineData("localhost:5000")]
    [InlineData("00000000001.dkr.ecr.eu-west-1.x")]
    [InlineData("0000000000012.dkr.ecr.eu-west-1.x")]
    [InlineData("00000000000a.dkr.ecr.eu-west-1.x")]
    [InlineData("000000000001.dkr.ecr.eu-west-1")]
    [InlineData("000000000001.dkr.ecr.eu-west-1.")]
    [InlineData("000000000001.dkr.ecr..x")]
    [InlineData("000000000001.dkr.ecr.nowhere.x")]
    [InlineData("000000000001.dkr.other.eu-west-1.x")]
    [InlineData("000000000001")]
    public void Any_other_host_name_leaves_the_default(string host) => Assert.Equal(Default, Resolver.ForHost(host));

    [Fact]
    public void The_token_names_the_registry_when_the_host_does_not() =>
        Assert.Equal(CallerOf("eu-west-1").Registry, RegistryResolver.Resolve("localhost:5000", CallerOf("eu-west-1")).Value);

    [Fact]
    public void The_host_name_goes_before_the_token() => Assert.Equal(
        new RegistryId("000000000009", "eu-west-1"),
        RegistryResolver.Resolve("000000000009.dkr.ecr.eu-west-1.x", CallerOf("eu-west-1")).Value);

    [Fact]
    public void A_token_of_another_region_is_denied() => Assert.Equal(
        ErrorCode.Denied,
        RegistryResolver.Resolve("123456789012.dkr.ecr.eu-west-2.x", CallerOf("eu-west-1")).Error?.Code);

    private static Caller CallerOf(string region) => new(
        new Principal(PrincipalKind.Root, "123456789012", "arn:aws:iam::123456789012:root", "123456789012"),
        new RegistryId("123456789012", region));
}

using Longshore.Core.Oci;
using Longshore.Server.Oci;

namespace Longshore.Server.Tests.Oci;

public sealed class OciOperationsTests
{
    [Fact]
    public void Every_operation_but_the_base_declares_its_action()
    {
        foreach (var operation in OciOperations.All)
        {
            if (operation.Route == RegistryRoute.Base) Assert.Equal(OciOperations.AnyCaller, operation.Action);
            else Assert.Matches(@"\Aecr:[A-Z][A-Za-z]+\z", operation.Action);
        }
    }

    [Fact]
    public void Every_endpoint_has_operations_and_none_twice()
    {
        foreach (var route in Enum.GetValues<RegistryRoute>())
            if (route != RegistryRoute.None) Assert.NotEmpty(OciOperations.Allow(route));
        Assert.Equal(OciOperations.All.Count, OciOperations.All.DistinctBy(o => (o.Route, o.Method)).Count());
    }

    [Theory]
    [InlineData("Manifest", "GET", "ecr:BatchGetImage")]
    [InlineData("Manifest", "PUT", "ecr:PutImage")]
    [InlineData("Blob", "HEAD", "ecr:BatchCheckLayerAvailability")]
    [InlineData("Blob", "GET", "ecr:GetDownloadUrlForLayer")]
    [InlineData("UploadStart", "POST", "ecr:InitiateLayerUpload")]
    [InlineData("Upload", "PATCH", "ecr:UploadLayerPart")]
    [InlineData("Upload", "PUT", "ecr:CompleteLayerUpload")]
    [InlineData("TagsList", "GET", "ecr:ListImages")]
    [InlineData("Catalog", "GET", "ecr:DescribeRepositories")]
    [InlineData("Referrers", "GET", "ecr:BatchGetImage")]
    [InlineData("Manifest", "DELETE", "ecr:BatchDeleteImage")]
    [InlineData("Blob", "DELETE", "ecr:BatchDeleteImage")]
    public void Actions_are_those_of_ecr(string route, string method, string action) =>
        Assert.Equal(action, OciOperations.Find(Enum.Parse<RegistryRoute>(route), method)?.Action);

    [Fact]
    public void A_method_that_an_endpoint_does_not_take_is_not_found()
    {
        Assert.Null(OciOperations.Find(RegistryRoute.Blob, "PUT"));
        Assert.Equal("GET, HEAD, DELETE", OciOperations.Allow(RegistryRoute.Blob));
    }
}

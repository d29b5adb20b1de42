using Longshore.Core;
using Longshore.Server.Aws;
using Longshore.Server.Hosting;
using Microsoft.AspNetCore.Http;

namespace Longshore.Server.Tests.Ecr;

public sealed class PublicAddressTests
{
    [Theory]
    [InlineData(null, "http://127.0.0.1:5000", "127.0.0.1:5000/a/b")]
    [InlineData("https://registry.example.org", "https://registry.example.org", "registry.example.org/a/b")]
    [InlineData("https://registry.example.org:8443", "https://registry.example.org:8443", "registry.example.org:8443/a/b")]
    public void Clients_are_told_the_public_url_else_the_address_they_used(string? publicUrl, string url, string repositoryUri)
    {
        var request = new DefaultHttpContext { Request = { Scheme = "http", Host = new HostString("127.0.0.1", 5000) } }.Request;
        var address = PublicAddress.Of(request, new ServeOptions { PublicUrl = publicUrl });
        Assert.True(RepositoryName.TryParse("a/b", out var name));
        Assert.Equal((url, repositoryUri), (address.Url, address.RepositoryUri(name)));
    }
}

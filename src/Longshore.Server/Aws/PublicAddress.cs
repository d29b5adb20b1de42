using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Server.Hosting;

namespace Longshore.Server.Aws;

/// <summary>
/// How clients reach this server: <c>public-url</c>, else scheme and Host of the request, so that what an answer names
/// (<c>proxyEndpoint</c>, <c>repositoryUri</c>, <c>downloadUrl</c>) works from where the question came.
/// </summary>
/// <param name="Url">Scheme and authority, without a slash at the end.</param>
internal readonly record struct PublicAddress(string Url)
{
    /// <summary>Host and port: what images are named with.</summary>
    public string Authority => Url[(Url.IndexOf("://", StringComparison.Ordinal) + 3)..];

    /// <summary>The address for the caller of a request.</summary>
    public static PublicAddress Of(HttpRequest request, ServeOptions options) => new(options.PublicUrl ?? $"{(ClientAddress.IsSecure(request.HttpContext) ? "https" : "http")}://{request.Host.Value}");

    /// <summary>What <c>docker push</c> takes. AWS has <c>ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME</c>; here it is this server's own address.</summary>
    public string RepositoryUri(RepositoryName name) => $"{Authority}/{name}";
}

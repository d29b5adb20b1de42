using System.Text;
using System.Text.RegularExpressions;
using Longshore.Server.Commands.Clients;

namespace Longshore.Server.Commands.Importing;

/// <summary>What <c>--from REGISTRY[/PATTERN]</c> means.</summary>
/// <param name="Registry">Scheme and authority.</param>
/// <param name="Pattern">Which repositories.</param>
/// <param name="EcrAccount">The account, for registries of AWS ECR; else null.</param>
/// <param name="EcrRegion">The region, for registries of AWS ECR; else null.</param>
internal sealed partial record SourceAddress(Uri Registry, string Pattern, string? EcrAccount, string? EcrRegion)
{
    /// <summary>ECR's API of a region of AWS.</summary>
    public static string EcrEndpoint(string region) => $"https://api.ecr.{region}.amazonaws.com{(region.StartsWith("cn-", StringComparison.Ordinal) ? ".cn" : "")}";

    /// <summary>Understands the option.</summary>
    /// <exception cref="ClientException">It is no registry.</exception>
    public static SourceAddress Parse(string text, bool plainHttp)
    {
        var scheme = plainHttp || text.StartsWith("http://", StringComparison.Ordinal) ? "http" : "https";
        var rest = text.Contains("://", StringComparison.Ordinal) ? text[(text.IndexOf("://", StringComparison.Ordinal) + 3)..] : text;
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        var (host, pattern) = slash < 0 ? (rest, "") : (rest[..slash], rest[(slash + 1)..]);
        // Docker's name for its registry is not where it is, and its own images are below library/.
        if (host == "docker.io") (host, pattern) = ("registry-1.docker.io", pattern.Length == 0 || pattern.Contains('/', StringComparison.Ordinal) ? pattern : "library/" + pattern);
        if (host.Length == 0 || !Uri.TryCreate($"{scheme}://{host}", UriKind.Absolute, out var address) || address.PathAndQuery != "/")
            throw new ClientException($"--from '{text}' is no registry: give HOST[:PORT], and a repository or a pattern behind a slash.");
        if (address.UserInfo.Length > 0) throw new ClientException("--from has a password in it, which others see on the command line: use --from-user and LONGSHORE_IMPORT_PASSWORD.");
        var ecr = EcrHost().Match(address.Host);
        return new SourceAddress(address, pattern.Length == 0 ? "*" : pattern, ecr.Success ? ecr.Groups[1].Value : null, ecr.Success ? ecr.Groups[2].Value : null);
    }

    /// <summary>User name and password out of base64 of <c>USER:PASSWORD</c>.</summary>
    /// <exception cref="ClientException">It is none.</exception>
    public static (string User, string Password) Split(string encoded)
    {
        try
        {
            var text = Encoding.UTF8.GetString(Convert.FromBase64String(encoded));
            var colon = text.IndexOf(':', StringComparison.Ordinal);
            return colon > 0 ? (text[..colon], text[(colon + 1)..]) : throw new ClientException("a login without a user name was given.");
        }
        catch (FormatException)
        {
            throw new ClientException("a login that is no base64 was given.");
        }
    }

    [GeneratedRegex(@"^([0-9]{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)$")]
    private static partial Regex EcrHost();
}

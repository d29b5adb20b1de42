using Longshore.Core;

namespace Longshore.Server.Access;

/// <summary>
/// Which registry a request of the distribution API is for (design, section 1): that of a host name in ECR's form, else
/// the one in the caller's token, else the server's default.
/// </summary>
/// <param name="fallback">The server's default registry.</param>
internal sealed class RegistryResolver(RegistryId fallback)
{
    private const int AccountLength = 12;

    // The forms of ECR's host names: plain and FIPS, each in the older and in the dual-stack spelling.
    private static readonly string[] Markers = [".dkr.ecr.", ".dkr-ecr.", ".dkr.ecr-fips.", ".dkr-ecr-fips."];

    /// <summary>The registry that a host name asks for, or the default one: what an anonymous caller is taken to mean.</summary>
    public RegistryId ForHost(ReadOnlySpan<char> host) => TryRead(host, out var account, out var region) ? Make(account, region, fallback) : fallback;

    /// <summary>
    /// The registry of a request. <see cref="ErrorCode.Denied"/> when the host name is of another region than the token: a
    /// token is good in its region only, as in ECR. Another account is the gate's matter.
    /// </summary>
    /// <param name="host">The host of the request, with or without a port.</param>
    /// <param name="caller">Who asks; its registry is that of the token.</param>
    public static Outcome<RegistryId> Resolve(ReadOnlySpan<char> host, Caller caller)
    {
        if (!TryRead(host, out var account, out var region)) return caller.Registry;
        if (!region.SequenceEqual(caller.Registry.Region))
        {
            return new RegistryError(
                ErrorCode.Denied,
                $"The authorization token is for region {caller.Registry.Region} and the host name for {region}. Log in again: aws ecr get-login-password --region {region}.");
        }

        return Make(account, region, caller.Registry);
    }

    /// <summary>Reads <c>ACCOUNT.dkr.ecr.REGION.ANYTHING</c>; false for every other host name.</summary>
    private static bool TryRead(ReadOnlySpan<char> host, out ReadOnlySpan<char> account, out ReadOnlySpan<char> region)
    {
        account = region = default;
        if (host.Length <= AccountLength || host[..AccountLength].ContainsAnyExceptInRange('0', '9')) return false;
        var rest = host[AccountLength..];
        foreach (var marker in Markers)
        {
            if (!rest.StartsWith(marker, StringComparison.OrdinalIgnoreCase)) continue;
            rest = rest[marker.Length..];
            var dot = rest.IndexOf('.');
            if (dot <= 0 || dot == rest.Length - 1 || !RegistryId.IsRegion(rest[..dot].ToString())) return false;
            account = host[..AccountLength];
            region = rest[..dot];
            return true;
        }

        return false;
    }

    // Nearly always the registry at hand is the one: then nothing is allocated for it.
    private static RegistryId Make(ReadOnlySpan<char> account, ReadOnlySpan<char> region, RegistryId likely) =>
        account.SequenceEqual(likely.Account) && region.SequenceEqual(likely.Region) ? likely : new RegistryId(account.ToString(), region.ToString());
}

using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Server.Aws;

namespace Longshore.Server.Ecr;

/// <summary>A verified call of an ECR operation.</summary>
/// <param name="Http">The request.</param>
/// <param name="Caller">Who calls; its registry is the region of the signature in its account.</param>
/// <param name="Address">How the caller reaches this server.</param>
internal sealed record EcrCall(HttpContext Http, Caller Caller, PublicAddress Address);

/// <summary>What an operation works on: what the gate is asked about, and what the handler is given.</summary>
/// <param name="Registry">The registry; another account's when the request names one.</param>
/// <param name="Names">The repositories; none for operations on the registry as a whole (resource <c>*</c>).</param>
internal sealed record EcrTarget(RegistryId Registry, IReadOnlyList<RepositoryName> Names)
{
    private const string ArnService = "ecr";
    private const string ArnResource = "repository/";

    /// <summary>Whether the operation is about repositories and names none: the gate is asked about all of them.</summary>
    public bool AllRepositories { get; init; }

    /// <summary>The one repository.</summary>
    public RepositoryName Name => Names[0];

    /// <summary>The registry as a whole, the caller's unless an account is named.</summary>
    public static EcrTarget OfRegistry(RegistryId home, string? account = null) => new(InAccount(home, account), []);

    /// <summary>One repository.</summary>
    public static Outcome<EcrTarget> OfRepository(RegistryId home, string? account, string? name) => OfRepositories(home, account, [name]);

    /// <summary>Several repositories of one registry.</summary>
    public static Outcome<EcrTarget> OfRepositories(RegistryId home, string? account, IReadOnlyList<string?> names)
    {
        var parsed = new RepositoryName[names.Count];
        for (var i = 0; i < parsed.Length; i++)
        {
            // The model's pattern has been checked; this parser is the one that the rest of the server trusts.
            if (!RepositoryName.TryParse(names[i], out parsed[i]))
                return EcrErrors.InvalidParameter("repositoryName", $"'{names[i]}' is not a repository name");
        }

        return new EcrTarget(InAccount(home, account), parsed);
    }

    /// <summary>The repository of an ARN, <c>arn:PARTITION:ecr:REGION:ACCOUNT:repository/NAME</c>, whosever it is.</summary>
    public static Outcome<EcrTarget> OfArn(string? arn)
    {
        var parts = (arn ?? "").Split(':', 6);
        if (parts is not ["arn", var partition, ArnService, var region, var account, var resource]
            || !RegistryId.IsRegion(region)
            || !RegistryId.IsAccount(account)
            || !resource.StartsWith(ArnResource, StringComparison.Ordinal)
            || !RepositoryName.TryParse(resource[ArnResource.Length..], out var name))
        {
            return EcrErrors.InvalidParameter("resourceArn", "must be the ARN of a repository: arn:aws:ecr:REGION:ACCOUNT:repository/NAME");
        }

        var registry = new RegistryId(account, region);
        return registry.Partition == partition
            ? new EcrTarget(registry, [name])
            : EcrErrors.InvalidParameter("resourceArn", $"the region {region} is in the partition {registry.Partition}");
    }

    private static RegistryId InAccount(RegistryId home, string? account) => account is null ? home : home with { Account = account };
}

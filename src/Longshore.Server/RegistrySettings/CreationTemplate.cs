using Longshore.Server.Content;

namespace Longshore.Server.RegistrySettings;

/// <summary>A repository creation template (ECR): what a repository gets that is created on somebody's behalf. Applied once, at creation.</summary>
/// <param name="Prefix">Of the repositories it is for, without the slash implied at its end, or <see cref="Root"/>.</param>
/// <param name="Description">Free text, at most 256 characters, or null.</param>
/// <param name="AppliedFor">What it is used for: ECR's <c>RCTAppliedFor</c>, each once.</param>
/// <param name="Settings">Tag mutability of the new repository.</param>
/// <param name="ResourceTags">Resource tags of the new repository.</param>
/// <param name="LifecyclePolicy">Its lifecycle policy; null or empty for none.</param>
/// <param name="CustomRoleArn">The role that ECR would assume; kept and told again.</param>
/// <param name="CreatedAt">When it was created.</param>
/// <param name="UpdatedAt">When it was changed last.</param>
internal sealed record CreationTemplate(
    string Prefix,
    string? Description,
    IReadOnlyList<string> AppliedFor,
    RepositorySettings Settings,
    IReadOnlyDictionary<string, string> ResourceTags,
    string? LifecyclePolicy,
    string? CustomRoleArn,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt)
{
    /// <summary>The policy of the new repository; null or empty for none.</summary>
    public string? RepositoryPolicy { get; init; }

    /// <summary>The prefix of the template for all that no other one matches.</summary>
    public const string Root = "ROOT";

    /// <summary>The use for repositories that a push finds missing.</summary>
    public const string CreateOnPush = "CREATE_ON_PUSH";

    /// <summary>A prefix as it is kept: the slash at its end is implied.</summary>
    public static string Normalize(string prefix) => prefix.TrimEnd('/');

    /// <summary>The prefixes of templates that may be for a repository: the longest first, <see cref="Root"/> last. A prefix is less than a whole name.</summary>
    public static IEnumerable<string> PrefixesOf(string repositoryName)
    {
        for (var end = repositoryName.LastIndexOf('/'); end > 0; end = repositoryName.LastIndexOf('/', end - 1)) yield return repositoryName[..end];
        yield return Root;
    }
}

using Longshore.Core;
using Longshore.Server.RegistrySettings;

namespace Longshore.Server.Ecr;

/// <summary>
/// What a creation template needs beside its own action: who may not give repositories a policy cannot have a template do it (ECR user guide,
/// "IAM permissions for creating repository creation templates").
/// </summary>
internal static class TemplateRights
{
    /// <summary>The actions, on all repositories that the template is for.</summary>
    public static IEnumerable<(string Action, string Resource)> Of(string prefix, string? repositoryPolicy, string? lifecyclePolicy, RegistryId registry)
    {
        var name = CreationTemplate.Normalize(prefix);
        var all = AccessArn(registry, name == CreationTemplate.Root ? "*" : name.TrimEnd('/') + "/*");
        if (!string.IsNullOrEmpty(repositoryPolicy)) yield return ("ecr:SetRepositoryPolicy", all);
        if (!string.IsNullOrEmpty(lifecyclePolicy)) yield return ("ecr:PutLifecyclePolicy", all);
    }

    private static string AccessArn(RegistryId registry, string names) => $"arn:{registry.Partition}:ecr:{registry.Region}:{registry.Account}:repository/{names}";
}

using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Core.Lifecycle;
using Longshore.Core.Policies;
using Longshore.Server.Content;
using Longshore.Server.RegistrySettings;

namespace Longshore.Server.Ecr;

/// <summary>Repository creation templates between wire and settings.</summary>
internal static class TemplateWire
{
    /// <summary>The shape <c>RepositoryCreationTemplate</c>.</summary>
    public static RepositoryCreationTemplate ToWire(this CreationTemplate template) => new()
    {
        Prefix = template.Prefix,
        Description = template.Description,
        EncryptionConfiguration = new EncryptionConfigurationForRepositoryCreationTemplate { EncryptionType = EncryptionTypeValues.Aes256 },
        ResourceTags = [.. template.ResourceTags.OrderBy(tag => tag.Key, StringComparer.Ordinal).Select(tag => new Tag { Key = tag.Key, Value = tag.Value })],
        ImageTagMutability = template.Settings.TagMutability.ToName(),
        ImageTagMutabilityExclusionFilters = RepositoryWire.FiltersOf(template.Settings),
        LifecyclePolicy = template.LifecyclePolicy,
        RepositoryPolicy = template.RepositoryPolicy,
        AppliedFor = template.AppliedFor,
        CustomRoleArn = template.CustomRoleArn,
        CreatedAt = template.CreatedAt,
        UpdatedAt = template.UpdatedAt,
    };

    /// <summary>A template with what an update says; what it leaves out stays. An empty text takes a description, policy or role away.</summary>
    public static Outcome<CreationTemplate> Apply(this CreationTemplate template, UpdateRepositoryCreationTemplateRequest input, DateTimeOffset now)
    {
        if (Encryption.Refuse(input.EncryptionConfiguration?.EncryptionType, input.EncryptionConfiguration?.KmsKey) is { } encryption) return encryption;
        if (input.RepositoryPolicy is { Length: > 0 } access && PolicyDocument.Parse(access, PolicyKind.Repository).Error is { } invalid)
            return EcrErrors.InvalidParameter("repositoryPolicy", $"Invalid repository policy provided: {invalid.Message}");
        if (input.LifecyclePolicy is { Length: > 0 } policy && CheckPolicy(policy) is { } unusable) return unusable;

        var appliedFor = input.AppliedFor is { } uses ? [.. uses.Distinct(StringComparer.Ordinal)] : template.AppliedFor;
        if (appliedFor.Count == 0) return EcrErrors.InvalidParameter("appliedFor", $"must have one or more of [{string.Join(", ", RCTAppliedForValues.All)}]");

        var tags = template.ResourceTags;
        if (input.ResourceTags is not null && !ResourceTags.Read(input.ResourceTags).TryGet(out tags, out var error)) return error;
        if (tags.Count > RepositoryCatalog.MaxResourceTags)
            return EcrErrors.InvalidParameter("resourceTags", $"a repository can have at most {RepositoryCatalog.MaxResourceTags} resource tags");

        var role = input.CustomRoleArn switch { null => template.CustomRoleArn, "" => null, var given => given };
        if (role is not null && !IsRole(role))
            return EcrErrors.InvalidParameter("customRoleArn", "must be the ARN of a role: arn:aws:iam::ACCOUNT:role/NAME");
        if (role is null && tags.Count > 0) return EcrErrors.InvalidParameter("customRoleArn", "resourceTags need a custom role");

        if (!Mutability(template.Settings, input).TryGet(out var settings, out error)) return error;
        return template with
        {
            Description = input.Description ?? template.Description,
            AppliedFor = appliedFor,
            Settings = settings,
            ResourceTags = tags,
            LifecyclePolicy = input.LifecyclePolicy ?? template.LifecyclePolicy,
            RepositoryPolicy = input.RepositoryPolicy ?? template.RepositoryPolicy,
            CustomRoleArn = role,
            UpdatedAt = now,
        };
    }

    private static Outcome<RepositorySettings> Mutability(RepositorySettings settings, UpdateRepositoryCreationTemplateRequest input)
    {
        if (input.ImageTagMutability is null && input.ImageTagMutabilityExclusionFilters is null) return settings;
        var mutability = input.ImageTagMutability ?? settings.TagMutability.ToName();
        // Filters that stay make sense only for a mode that takes some.
        var keeps = mutability is ImageTagMutabilityValues.ImmutableWithExclusion or ImageTagMutabilityValues.MutableWithExclusion;
        var filters = input.ImageTagMutabilityExclusionFilters ?? (keeps ? RepositoryWire.FiltersOf(settings) : null);
        return RepositorySettings.Default.WithMutability(mutability, filters);
    }

    private static bool IsRole(string arn) =>
        arn.Split(':', 6) is ["arn", ['a', 'w', 's', ..], "iam", "", var account, ['r', 'o', 'l', 'e', '/', _, ..]] && RegistryId.IsAccount(account);

    // Templates take texts shorter than PutLifecyclePolicy does (model, LifecyclePolicyTextForRepositoryCreationTemplate).
    private static RegistryError? CheckPolicy(string text) => LifecyclePolicyParser.TryParse(text, minLength: 0, out _, out var faults)
        ? null
        : EcrErrors.InvalidParameter("lifecyclePolicy", LifecyclePolicyFault.ToReason(faults));
}

using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Content;
using Longshore.Server.RegistrySettings;

namespace Longshore.Server.Ecr;

/// <summary>CreateRepositoryCreationTemplate.</summary>
internal sealed class CreateRepositoryCreationTemplate(CreationTemplates templates, TimeProvider time)
    : EcrHandler<CreateRepositoryCreationTemplateRequest, CreateRepositoryCreationTemplateResponse>(EcrOperations.CreateRepositoryCreationTemplate)
{
    protected override Outcome<EcrTarget> Locate(CreateRepositoryCreationTemplateRequest input, RegistryId home) => EcrTarget.OfRegistry(home);

    protected override IEnumerable<(string Action, string Resource)> Further(CreateRepositoryCreationTemplateRequest input, RegistryId registry) =>
        TemplateRights.Of(input.Prefix!, input.RepositoryPolicy, input.LifecyclePolicy, registry);

    protected override async ValueTask<Outcome<CreateRepositoryCreationTemplateResponse>> HandleAsync(CreateRepositoryCreationTemplateRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var empty = new CreationTemplate(
            CreationTemplate.Normalize(input.Prefix!), null, [], RepositorySettings.Default, new Dictionary<string, string>(), null, null, now, now);
        // The same members under the same rules as an update of an empty template.
        var filled = empty.Apply(
            new UpdateRepositoryCreationTemplateRequest
            {
                Description = input.Description,
                EncryptionConfiguration = input.EncryptionConfiguration,
                ResourceTags = input.ResourceTags,
                ImageTagMutability = input.ImageTagMutability,
                ImageTagMutabilityExclusionFilters = input.ImageTagMutabilityExclusionFilters,
                RepositoryPolicy = input.RepositoryPolicy,
                LifecyclePolicy = input.LifecyclePolicy,
                AppliedFor = input.AppliedFor,
                CustomRoleArn = input.CustomRoleArn,
            },
            now);
        if (!filled.TryGet(out var template, out var error)) return error;
        var created = await templates.CreateAsync(target.Registry, template, cancellationToken);
        return created.TryGet(out _, out error)
            ? new CreateRepositoryCreationTemplateResponse { RegistryId = target.Registry.Account, RepositoryCreationTemplate = template.ToWire() }
            : error;
    }
}

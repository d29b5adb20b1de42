using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.RegistrySettings;

namespace Longshore.Server.Ecr;

/// <summary>UpdateRepositoryCreationTemplate: what is left out stays; repositories made before stay as they are.</summary>
internal sealed class UpdateRepositoryCreationTemplate(CreationTemplates templates, TimeProvider time)
    : EcrHandler<UpdateRepositoryCreationTemplateRequest, UpdateRepositoryCreationTemplateResponse>(EcrOperations.UpdateRepositoryCreationTemplate)
{
    protected override Outcome<EcrTarget> Locate(UpdateRepositoryCreationTemplateRequest input, RegistryId home) => EcrTarget.OfRegistry(home);

    protected override IEnumerable<(string Action, string Resource)> Further(UpdateRepositoryCreationTemplateRequest input, RegistryId registry) =>
        TemplateRights.Of(input.Prefix!, input.RepositoryPolicy, input.LifecyclePolicy, registry);

    protected override async ValueTask<Outcome<UpdateRepositoryCreationTemplateResponse>> HandleAsync(UpdateRepositoryCreationTemplateRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var updated = await templates.UpdateAsync(target.Registry, CreationTemplate.Normalize(input.Prefix!), template => template.Apply(input, now), cancellationToken);
        return updated.TryGet(out var template, out var error)
            ? new UpdateRepositoryCreationTemplateResponse { RegistryId = target.Registry.Account, RepositoryCreationTemplate = template.ToWire() }
            : error;
    }
}

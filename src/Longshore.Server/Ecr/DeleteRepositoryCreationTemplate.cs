using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.RegistrySettings;

namespace Longshore.Server.Ecr;

/// <summary>DeleteRepositoryCreationTemplate: repositories made from it stay as they are.</summary>
internal sealed class DeleteRepositoryCreationTemplate(CreationTemplates templates)
    : EcrHandler<DeleteRepositoryCreationTemplateRequest, DeleteRepositoryCreationTemplateResponse>(EcrOperations.DeleteRepositoryCreationTemplate)
{
    protected override Outcome<EcrTarget> Locate(DeleteRepositoryCreationTemplateRequest input, RegistryId home) => EcrTarget.OfRegistry(home);

    protected override async ValueTask<Outcome<DeleteRepositoryCreationTemplateResponse>> HandleAsync(DeleteRepositoryCreationTemplateRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var deleted = await templates.DeleteAsync(target.Registry, CreationTemplate.Normalize(input.Prefix!), cancellationToken);
        return deleted.TryGet(out var template, out var error)
            ? new DeleteRepositoryCreationTemplateResponse { RegistryId = target.Registry.Account, RepositoryCreationTemplate = template.ToWire() }
            : error;
    }
}

using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Access;
using Longshore.Server.Content;

namespace Longshore.Server.Ecr;

/// <summary>CreateRepository.</summary>
internal sealed class CreateRepository(RepositoryCatalog catalog) : EcrHandler<CreateRepositoryRequest, CreateRepositoryResponse>(EcrOperations.CreateRepository)
{
    protected override Outcome<EcrTarget> Locate(CreateRepositoryRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    // Creating with tags is authorised for the tags too (ecr-behaviour, section 3).
    protected override AccessRequest Describe(CreateRepositoryRequest input, in AccessRequest request) => request with { RequestTags = ResourceTags.ForConditions(input.Tags) };

    protected override async ValueTask<Outcome<CreateRepositoryResponse>> HandleAsync(CreateRepositoryRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        if (Encryption.Refuse(input.EncryptionConfiguration?.EncryptionType, input.EncryptionConfiguration?.KmsKey) is { } encryption) return encryption;
        if (!ResourceTags.Read(input.Tags).TryGet(out var tags, out var error)) return error;
        var scanning = RepositorySettings.Default with { ScanOnPush = input.ImageScanningConfiguration?.ScanOnPush ?? false };
        if (!scanning.WithMutability(input.ImageTagMutability, input.ImageTagMutabilityExclusionFilters).TryGet(out var settings, out error)) return error;
        var outcome = await catalog.CreateAsync(target.Registry, target.Name, settings, tags, cancellationToken);
        return outcome.TryGet(out var repository, out error)
            ? new CreateRepositoryResponse { Repository = repository.ToWire(call.Address) }
            : error;
    }
}

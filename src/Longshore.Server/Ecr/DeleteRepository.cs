using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Content;

namespace Longshore.Server.Ecr;

/// <summary>DeleteRepository.</summary>
internal sealed class DeleteRepository(RepositoryCatalog catalog) : EcrHandler<DeleteRepositoryRequest, DeleteRepositoryResponse>(EcrOperations.DeleteRepository)
{
    protected override Outcome<EcrTarget> Locate(DeleteRepositoryRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    protected override async ValueTask<Outcome<DeleteRepositoryResponse>> HandleAsync(DeleteRepositoryRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var outcome = await catalog.DeleteAsync(target.Registry, target.Name, input.Force ?? false, cancellationToken);
        return outcome.TryGet(out var repository, out var error)
            ? new DeleteRepositoryResponse { Repository = repository.ToWire(call.Address) }
            : error;
    }
}

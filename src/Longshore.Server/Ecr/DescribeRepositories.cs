using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Aws;
using Longshore.Server.Content;

namespace Longshore.Server.Ecr;

/// <summary>DescribeRepositories: those named, in their order, or all by pages.</summary>
internal sealed class DescribeRepositories(RepositoryCatalog catalog) : EcrHandler<DescribeRepositoriesRequest, DescribeRepositoriesResponse>(EcrOperations.DescribeRepositories)
{
    protected override Outcome<EcrTarget> Locate(DescribeRepositoriesRequest input, RegistryId home) =>
        EcrTarget.OfRepositories(home, input.RegistryId, input.RepositoryNames ?? []).TryGet(out var target, out var error) ? target with { AllRepositories = true } : error;

    /// <summary>Repositories on a page unless maxResults says otherwise (API reference).</summary>
    private const int DefaultPage = 100;

    protected override ValueTask<Outcome<DescribeRepositoriesResponse>> HandleAsync(DescribeRepositoriesRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken) =>
        target.Names.Count > 0 ? FindAsync(input, target, call, cancellationToken) : ListAsync(input, target, call, cancellationToken);

    private async ValueTask<Outcome<DescribeRepositoriesResponse>> FindAsync(
        DescribeRepositoriesRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        if (Paging.RefuseBeside("repositoryNames", input.NextToken, input.MaxResults) is { } refused) return refused;
        var found = new List<Core.Aws.Ecr.Repository>(target.Names.Count);
        foreach (var name in target.Names)
        {
            if (!(await catalog.FindAsync(target.Registry, name, cancellationToken)).TryGet(out var repository, out var error)) return error;
            found.Add(repository.ToWire(call.Address));
        }

        return new DescribeRepositoriesResponse { Repositories = found };
    }

    private async ValueTask<Outcome<DescribeRepositoriesResponse>> ListAsync(
        DescribeRepositoriesRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var tokens = PageToken.For(nameof(DescribeRepositories), target.Registry);
        if (!tokens.Read(input.NextToken).TryGet(out var after, out var error)) return error;
        if (after is not null && !RepositoryName.TryParse(after, out _)) return PageToken.Invalid;
        var limit = input.MaxResults ?? DefaultPage;
        var repositories = await catalog.ListAsync(target.Registry, after, limit + 1, cancellationToken);
        var next = Paging.Cut(repositories, limit, static repository => repository.Name.Value);
        return new DescribeRepositoriesResponse
        {
            Repositories = [.. repositories.Select(repository => repository.ToWire(call.Address))],
            NextToken = tokens.Write(next),
        };
    }
}

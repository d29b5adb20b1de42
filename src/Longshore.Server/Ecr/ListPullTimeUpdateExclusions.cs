using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Aws;
using Longshore.Server.RegistrySettings;

namespace Longshore.Server.Ecr;

/// <summary>ListPullTimeUpdateExclusions: in order of ARNs.</summary>
internal sealed class ListPullTimeUpdateExclusions(PullTimeExclusions exclusions) : EcrHandler<ListPullTimeUpdateExclusionsRequest, ListPullTimeUpdateExclusionsResponse>(EcrOperations.ListPullTimeUpdateExclusions)
{
    protected override Outcome<EcrTarget> Locate(ListPullTimeUpdateExclusionsRequest input, RegistryId home) => EcrTarget.OfRegistry(home);

    protected override async ValueTask<Outcome<ListPullTimeUpdateExclusionsResponse>> HandleAsync(ListPullTimeUpdateExclusionsRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var tokens = PageToken.For(nameof(ListPullTimeUpdateExclusions), target.Registry);
        if (!tokens.Read(input.NextToken).TryGet(out var after, out var error)) return error;
        // The answer's own model holds no more than one registry can have.
        var limit = Math.Min(input.MaxResults ?? PullTimeExclusions.MaxPrincipals, PullTimeExclusions.MaxPrincipals);
        var principals = await exclusions.ListAsync(target.Registry, after, limit + 1, cancellationToken);
        var next = Paging.Cut(principals, limit, static principal => principal);
        return new ListPullTimeUpdateExclusionsResponse { PullTimeUpdateExclusions = principals, NextToken = tokens.Write(next) };
    }
}

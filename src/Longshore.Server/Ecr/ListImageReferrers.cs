using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Aws;
using Longshore.Server.Content;

namespace Longshore.Server.Ecr;

/// <summary>ListImageReferrers: the manifests whose subject is an image; none for a subject that is not there.</summary>
internal sealed class ListImageReferrers(RepositoryCatalog catalog, Images images) : EcrHandler<ListImageReferrersRequest, ListImageReferrersResponse>(EcrOperations.ListImageReferrers)
{
    protected override Outcome<EcrTarget> Locate(ListImageReferrersRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    /// <summary>Referrers on a page unless maxResults says otherwise (API reference).</summary>
    private const int DefaultPage = 20;

    protected override async ValueTask<Outcome<ListImageReferrersResponse>> HandleAsync(ListImageReferrersRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        if (!(await catalog.FindAsync(target.Registry, target.Name, cancellationToken)).TryGet(out _, out var error)) return error;
        if (!Digest.TryParse(input.SubjectId!.ImageDigest, out var subject)) return EcrErrors.InvalidParameter("subjectId.imageDigest", ImageIds.DigestRule);
        var types = input.Filter?.ArtifactTypes ?? [];
        var status = input.Filter?.ArtifactStatus;
        var tokens = PageToken.For(nameof(ListImageReferrers), target.Registry, [target.Name.Value, subject.Value, status, .. types]);
        if (!tokens.Read(input.NextToken).TryGet(out var after, out error)) return error;
        if (after is not null && !Digest.TryParse(after, out _)) return PageToken.Invalid;
        var limit = input.MaxResults ?? DefaultPage;
        var outcome = await images.ListReferrersAsync(target.Registry, target.Name, subject, types, StatusFilters.ChoiceOf(status), after, limit + 1, cancellationToken);
        if (!outcome.TryGet(out var page, out error)) return error;
        var next = Paging.Cut(page, limit, static referrer => referrer.Digest.Value);
        return new ListImageReferrersResponse { Referrers = [.. page.Select(Describe)], NextToken = tokens.Write(next) };
    }

    private static ImageReferrer Describe(Referrer referrer) => new()
    {
        Digest = referrer.Digest.Value,
        MediaType = referrer.MediaType,
        ArtifactType = referrer.ArtifactType,
        Size = referrer.Size,
        Annotations = referrer.Annotations,
        ArtifactStatus = StatusFilters.NameOf(referrer.Status),
    };
}

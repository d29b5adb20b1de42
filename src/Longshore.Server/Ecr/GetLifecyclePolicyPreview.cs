using System.Globalization;
using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Core.Lifecycle;
using Longshore.Server.Aws;
using Longshore.Server.Content;
using Longshore.Server.Lifecycle;

namespace Longshore.Server.Ecr;

/// <summary>GetLifecyclePolicyPreview: the images that would go, the oldest push first; those named, or all by pages.</summary>
internal sealed class GetLifecyclePolicyPreview(Plans plans)
    : EcrHandler<GetLifecyclePolicyPreviewRequest, GetLifecyclePolicyPreviewResponse>(EcrOperations.GetLifecyclePolicyPreview)
{
    /// <summary>Results on a page unless maxResults says otherwise (API reference).</summary>
    private const int DefaultPage = 100;

    protected override Outcome<EcrTarget> Locate(GetLifecyclePolicyPreviewRequest input, RegistryId home) =>
        EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    protected override async ValueTask<Outcome<GetLifecyclePolicyPreviewResponse>> HandleAsync(
        GetLifecyclePolicyPreviewRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        if (input.ImageIds is { Count: > 0 } && Paging.RefuseBeside("imageIds", input.NextToken, input.MaxResults) is { } refused) return refused;
        if (!(await plans.FindPreviewAsync(target.Registry, target.Name, cancellationToken)).TryGet(out var plan, out var error)) return error;
        var (results, next) = (new List<PlanImage>(), (string?)null);
        if (plan.Status == PlanStatus.Complete)
        {
            var page = input.ImageIds is { Count: > 0 } ids ? await FindAsync(plan, ids, input.Filter, cancellationToken) : await ListAsync(plan, target, input, cancellationToken);
            if (!page.TryGet(out var found, out error)) return error;
            (results, next) = found;
        }

        return new GetLifecyclePolicyPreviewResponse
        {
            RegistryId = target.Registry.Account,
            RepositoryName = target.Name.Value,
            LifecyclePolicyText = plan.PolicyText,
            Status = plan.Status,
            PreviewResults = [.. results.Select(Describe)],
            NextToken = next,
            Summary = plan.Status == PlanStatus.Complete ? Summary(plan.Totals) : null,
        };
    }

    private async ValueTask<Outcome<(List<PlanImage>, string?)>> FindAsync(
        Plan plan, IReadOnlyList<ImageIdentifier> ids, LifecyclePolicyPreviewFilter? filter, CancellationToken cancellationToken)
    {
        var status = StatusFilters.TagStatusOf(filter?.TagStatus);
        var found = new List<PlanImage>();
        foreach (var id in ids)
        {
            if (!ImageIds.TryParse(id, out var image, out var failure)) return EcrErrors.InvalidParameter("imageIds", failure.FailureReason!);
            var planned = image.Digest is { } digest
                ? await plans.FindImageAsync(plan.Id, digest, cancellationToken)
                : await plans.FindTaggedAsync(plan.Id, image.Tag!.Value, cancellationToken);
            if (planned is not { Action: not null } || (image.Tag is { } tag && !planned.Tags.Contains(tag.Value))) continue;
            if (Has(planned, status) && found.TrueForAll(other => other.Position != planned.Position)) found.Add(planned);
        }

        return (found, (string?)null);
    }

    private async ValueTask<Outcome<(List<PlanImage>, string?)>> ListAsync(Plan plan, EcrTarget target, GetLifecyclePolicyPreviewRequest input, CancellationToken cancellationToken)
    {
        var tagStatus = input.Filter?.TagStatus;
        var tokens = PageToken.For(nameof(GetLifecyclePolicyPreview), target.Registry, target.Name.Value, plan.Id, tagStatus);
        if (!tokens.Read(input.NextToken).TryGet(out var position, out var error)) return error;
        var after = -1L;
        if (position is not null && !long.TryParse(position, NumberStyles.None, CultureInfo.InvariantCulture, out after)) return PageToken.Invalid;
        var limit = input.MaxResults ?? DefaultPage;
        var status = StatusFilters.TagStatusOf(tagStatus);
        var found = new List<PlanImage>();
        while (found.Count <= limit)
        {
            var page = await plans.ListImagesAsync(plan.Id, acting: true, after, limit + 1, cancellationToken);
            found.AddRange(page.Where(image => Has(image, status)));
            if (page.Count <= limit) break;
            after = page[^1].Position;
        }

        if (found.Count <= limit) return (found, (string?)null);
        found.RemoveRange(limit, found.Count - limit);
        return (found, tokens.Write(found[^1].Position.ToString(CultureInfo.InvariantCulture)));
    }

    private static bool Has(PlanImage image, TagStatus status) => status switch
    {
        TagStatus.Tagged => image.Tags.Count > 0,
        TagStatus.Untagged => image.Tags.Count == 0,
        _ => true,
    };

    private static LifecyclePolicyPreviewSummary Summary(PlanTotals totals) => new()
    {
        ExpiringImageTotalCount = (int)totals.Expiring,
        TransitioningImageTotalCounts = totals.Transitioning == 0
            ? null
            : [new TransitioningImageTotalCount { TargetStorageClass = LifecyclePolicyTargetStorageClassValues.Archive, ImageTotalCount = (int)totals.Transitioning }],
    };

    private static LifecyclePolicyPreviewResult Describe(PlanImage image) => new()
    {
        ImageDigest = image.Digest.Value,
        ImageTags = image.Tags.Count == 0 ? null : image.Tags,
        ImagePushedAt = image.PushedAt,
        AppliedRulePriority = image.RulePriority,
        StorageClass = image.StorageClass == StorageClass.Archive ? LifecyclePolicyStorageClassValues.Archive : LifecyclePolicyStorageClassValues.Standard,
        Action = image.Action == LifecycleAction.Transition
            ? new LifecyclePolicyRuleAction { Type = ImageActionTypeValues.Transition, TargetStorageClass = LifecyclePolicyTargetStorageClassValues.Archive }
            : new LifecyclePolicyRuleAction { Type = ImageActionTypeValues.Expire },
    };
}

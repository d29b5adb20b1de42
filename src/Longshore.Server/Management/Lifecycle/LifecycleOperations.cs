using System.Globalization;
using Longshore.Core;
using Longshore.Server.Lifecycle;

namespace Longshore.Server.Management.Lifecycle;

/// <summary>Plans with their bytes and reasons, receipts, and the daily run.</summary>
internal static class LifecycleOperations
{
    private const string Tag = "Lifecycle";

    private static readonly ManagementParameter Id = ManagementParameter.Segment("id", "The plan.");

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ManagementOperation> All { get; } =
    [
        ManagementOperation.Of<Plans, StartPlanWire, PlanWire>(
            new(HttpMethods.Post, "plans", "StartPlan", ManagementScope.Repository, Tag, "Starts a plan: what a policy would do to every image, why, and which bytes that frees.")
            {
                Details = "The plan is made in the background; it is there when its status is COMPLETE. Nothing changes before it is applied. It can be applied for 24 hours.",
            },
            LifecycleJson.Wire.StartPlanWire,
            LifecycleJson.Wire.PlanWire,
            static async (plans, call, input, token) =>
                (await plans.StartAsync(call.Registry, call.Name, PlanKind.Manual, input.PolicyText, call.Caller.Principal.Arn, token)).TryGet(out var plan, out var error)
                    ? PlanWire.Of(plan)
                    : error),
        ManagementOperation.Of<Plans, PlansWire>(
            new(HttpMethods.Get, "plans", "ListPlans", ManagementScope.RepositoryOrRegistry, Tag, "Lists plans with their receipts, the newest first.")
            {
                Details = "Previews that were started through ECR's API and the runs of the daily job are among them.",
                Paged = true,
            },
            LifecycleJson.Wire.PlansWire,
            ListAsync),
        ManagementOperation.Of<Plans, PlanWire>(
            new(HttpMethods.Get, "plans/{id}", "GetPlan", ManagementScope.Registry, Tag, "Tells a plan and, once it was applied, its receipt.") { Parameters = [Id] },
            LifecycleJson.Wire.PlanWire,
            static async (plans, call, token) => (await plans.FindAsync(call.Registry, call.Given("id"), token)).TryGet(out var plan, out var error) ? PlanWire.Of(plan) : error),
        ManagementOperation.Of<Plans, PlanImagesWire>(
            new(HttpMethods.Get, "plans/{id}/images", "ListPlanImages", ManagementScope.Registry, Tag, "Lists the images of a plan, the oldest push first.")
            {
                Details = "A plan of the daily run has only the images that it was about to act on and those that something held back.",
                Parameters = [Id, ManagementParameter.Flag("acting", "Only images that go.")],
                Paged = true,
            },
            LifecycleJson.Wire.PlanImagesWire,
            ListImagesAsync),
        ManagementOperation.Of<Plans, PlanWire>(
            new(HttpMethods.Post, "plans/{id}/apply", "ApplyPlan", ManagementScope.Registry, Tag, "Applies a plan: what it says and nothing else.")
            {
                Details = "Runs in the background: APPLYING, then APPLIED. An image that was pulled, tagged, protected or listed by an index since the plan was made is kept, and the plan tells so.",
                Parameters = [Id],
            },
            LifecycleJson.Wire.PlanWire,
            static async (plans, call, token) =>
                (await plans.ApplyAsync(call.Registry, call.Given("id"), call.Caller.Principal.Arn, token)).TryGet(out var plan, out var error) ? PlanWire.Of(plan) : error),
        ManagementOperation.Of<ImageEvidenceReader, ImageEvidencesWire>(
            new(HttpMethods.Get, "image-evidence", "ListImageEvidence", ManagementScope.Repository, Tag, "Lists images with everything that a policy and its bytes depend on, by digest.")
            {
                Details = "For tools that evaluate policies elsewhere. Reading is no pull.",
                Paged = true,
            },
            LifecycleJson.Wire.ImageEvidencesWire,
            static async (reader, call, token) =>
            {
                if (!call.Page().TryGet(out var page, out var error)) return error;
                if (!(await reader.ListAsync(call.Registry, call.Name, page.After, page.Limit + 1, token)).TryGet(out var images, out error)) return error;
                var next = page.Cut(images, static image => image.Image.Digest);
                return new ImageEvidencesWire([.. images.Select(ImageEvidenceWire.Of)], next);
            }),
        ManagementOperation.Of<LifecycleRuns, LifecycleRunWire>(
            new(HttpMethods.Get, "lifecycle-run", "GetLifecycleRun", ManagementScope.Repository, Tag, "Tells when the policy of a repository was last run and when it runs next."),
            LifecycleJson.Wire.LifecycleRunWire,
            static (runs, call, token) => RunAsync(runs, call, trigger: false, token)),
        ManagementOperation.Of<LifecycleRuns, LifecycleRunWire>(
            new(HttpMethods.Post, "lifecycle-run", "StartLifecycleRun", ManagementScope.Repository, Tag, "Runs the policy of a repository now: makes a plan and applies it."),
            LifecycleJson.Wire.LifecycleRunWire,
            static (runs, call, token) => RunAsync(runs, call, trigger: true, token)),
    ];

    private static async ValueTask<Outcome<PlansWire>> ListAsync(Plans plans, ManagementCall call, CancellationToken cancellationToken)
    {
        if (!call.Page().TryGet(out var page, out var error)) return error;
        (long, string)? before = null;
        if (page.After is { } after)
        {
            if (after.IndexOf(' ', StringComparison.Ordinal) is not (> 0 and var space) || !long.TryParse(after.AsSpan(0, space), NumberStyles.None, CultureInfo.InvariantCulture, out var time))
                return Aws.PageToken.Invalid;
            before = (time, after[(space + 1)..]);
        }

        if (!(await plans.ListAsync(call.Registry, call.Repository, before, page.Limit + 1, cancellationToken)).TryGet(out var found, out error)) return error;
        var next = page.Cut(found, static plan => string.Create(CultureInfo.InvariantCulture, $"{Storage.Metadata.DbTime.ToDatabase(plan.CreatedAt)} {plan.Id}"));
        return new PlansWire([.. found.Select(PlanWire.Of)], next);
    }

    private static async ValueTask<Outcome<PlanImagesWire>> ListImagesAsync(Plans plans, ManagementCall call, CancellationToken cancellationToken)
    {
        var id = call.Given("id");
        var acting = call.Flag("acting");
        if (!call.Page(id, acting ? "acting" : null).TryGet(out var page, out var error)) return error;
        if (!(await plans.FindAsync(call.Registry, id, cancellationToken)).TryGet(out _, out error)) return error;
        var after = -1L;
        if (page.After is not null && !long.TryParse(page.After, NumberStyles.None, CultureInfo.InvariantCulture, out after)) return Aws.PageToken.Invalid;
        var images = await plans.ListImagesAsync(id, acting, after, page.Limit + 1, cancellationToken);
        var next = page.Cut(images, static image => image.Position.ToString(CultureInfo.InvariantCulture));
        return new PlanImagesWire([.. images.Select(PlanImageWire.Of)], next);
    }

    private static async ValueTask<Outcome<LifecycleRunWire>> RunAsync(LifecycleRuns runs, ManagementCall call, bool trigger, CancellationToken cancellationToken) =>
        (await runs.FindAsync(call.Registry, call.Name, trigger, cancellationToken)).TryGet(out var found, out var error)
            ? LifecycleRunWire.Of(call.Name.Value, found.Policy, found.Job)
            : error;
}

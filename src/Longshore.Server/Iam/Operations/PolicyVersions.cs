using Longshore.Core.Aws.Iam;
using Longshore.Server.Iam.Store;

namespace Longshore.Server.Iam.Operations;

/// <summary>Versions of managed policies: five at most, one of which counts.</summary>
internal static class PolicyVersions
{
    /// <summary>The operations.</summary>
    public static IReadOnlyList<IamOperation> All { get; } =
    [
        IamOperation.Writes(IamOperations.CreatePolicyVersion, Resources.Arn<CreatePolicyVersionRequest>(i => i.PolicyArn), CreateAsync),
        IamOperation.Reads(IamOperations.GetPolicyVersion, Resources.Arn<GetPolicyVersionRequest>(i => i.PolicyArn), GetAsync),
        IamOperation.Reads(IamOperations.ListPolicyVersions, Resources.Arn<ListPolicyVersionsRequest>(i => i.PolicyArn), ListAsync),
        IamOperation.Writes(IamOperations.DeletePolicyVersion, Resources.Arn<DeletePolicyVersionRequest>(i => i.PolicyArn), DeleteAsync),
        IamOperation.Writes(IamOperations.SetDefaultPolicyVersion, Resources.Arn<SetDefaultPolicyVersionRequest>(i => i.PolicyArn), SetDefaultAsync),
    ];

    private static async ValueTask<IamOutcome<CreatePolicyVersionResponse>> CreateAsync(IamContext iam, CreatePolicyVersionRequest input)
    {
        if (!(await ManagedPolicies.OwnAsync(iam, input.PolicyArn!)).TryGet(out var policy, out var error)) return error;
        if (ManagedPolicies.CheckDocument(input.PolicyDocument!) is { } malformed) return malformed;
        if ((await PolicyRows.VersionsAsync(iam, policy)).Count >= IamQuotas.PolicyVersions)
        {
            return IamError.LimitExceeded(
                $"A managed policy can have up to {IamQuotas.PolicyVersions} versions. Before you create a new version, you must delete an existing version.");
        }

        var asDefault = input.SetAsDefault == true;
        var version = await PolicyRows.AddVersionAsync(iam, policy, input.PolicyDocument!, asDefault);
        return new CreatePolicyVersionResponse { PolicyVersion = version.ToWire(asDefault ? policy with { DefaultVersion = version.Version } : policy, withDocument: false) };
    }

    private static async ValueTask<IamOutcome<GetPolicyVersionResponse>> GetAsync(IamContext iam, GetPolicyVersionRequest input)
    {
        if (!(await PolicyRows.GetAsync(iam, input.PolicyArn!)).TryGet(out var policy, out var error)) return error;
        if (!(await PolicyRows.VersionAsync(iam, policy, input.VersionId!)).TryGet(out var version, out error)) return error;
        return new GetPolicyVersionResponse { PolicyVersion = version.ToWire(policy, withDocument: true) };
    }

    private static async ValueTask<IamOutcome<ListPolicyVersionsResponse>> ListAsync(IamContext iam, ListPolicyVersionsRequest input)
    {
        if (!(await PolicyRows.GetAsync(iam, input.PolicyArn!)).TryGet(out var policy, out var error)) return error;
        if (!iam.Page("ListPolicyVersions", input.Marker, input.MaxItems, policy.UniqueId).TryGet(out var page, out error)) return error;
        var versions = (await PolicyRows.VersionsAsync(iam, policy)).SkipWhile(version => page.After.Length > 0 && !IsAfter(version.Version, page.After)).ToList();
        var marker = page.Cut(versions, static version => PolicyRows.VersionId(version.Version));
        return new ListPolicyVersionsResponse
        {
            Versions = [.. versions.Select(version => version.ToWire(policy, withDocument: false))],
            IsTruncated = marker is not null,
            Marker = marker,
        };
    }

    private static async ValueTask<IamOutcome<NoOutput>> DeleteAsync(IamContext iam, DeletePolicyVersionRequest input)
    {
        if (!(await ManagedPolicies.OwnAsync(iam, input.PolicyArn!)).TryGet(out var policy, out var error)) return error;
        if (!(await PolicyRows.VersionAsync(iam, policy, input.VersionId!)).TryGet(out var version, out error)) return error;
        if (version.Version == policy.DefaultVersion) return IamError.DeleteConflict("Cannot delete the default version of a policy.");
        await PolicyRows.RemoveVersionAsync(iam, policy, version.Version);
        return new NoOutput();
    }

    private static async ValueTask<IamOutcome<NoOutput>> SetDefaultAsync(IamContext iam, SetDefaultPolicyVersionRequest input)
    {
        if (!(await ManagedPolicies.OwnAsync(iam, input.PolicyArn!)).TryGet(out var policy, out var error)) return error;
        if (!(await PolicyRows.VersionAsync(iam, policy, input.VersionId!)).TryGet(out var version, out error)) return error;
        await PolicyRows.SetDefaultAsync(iam, policy, version.Version);
        return new NoOutput();
    }

    // The newest comes first: what is after is older.
    private static bool IsAfter(long version, string position) =>
        long.TryParse(position.AsSpan(1), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var last) && version < last;
}

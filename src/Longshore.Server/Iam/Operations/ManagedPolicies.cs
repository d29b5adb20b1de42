using Longshore.Core.Aws.Iam;
using Longshore.Core.Policies;
using Longshore.Server.Iam.Store;

namespace Longshore.Server.Iam.Operations;

/// <summary>Managed policies: of the account, and AWS's own for ECR, which every account has and none can change.</summary>
internal static class ManagedPolicies
{
    // Positions in ListPolicies: AWS's come first.
    private const string AwsMark = "aws ";
    private const string LocalMark = "local ";

    /// <summary>The operations.</summary>
    public static IReadOnlyList<IamOperation> All { get; } =
    [
        IamOperation.Writes(
            IamOperations.CreatePolicy,
            static (iam, i) => new ValueTask<string>(IamArns.Policy(iam.Account, i.Path ?? "/", i.PolicyName!)), CreateAsync),
        IamOperation.Reads(IamOperations.GetPolicy, Resources.Arn<GetPolicyRequest>(i => i.PolicyArn), GetAsync),
        IamOperation.Reads(IamOperations.ListPolicies, Resources.Below<ListPoliciesRequest>("policy", i => i.PathPrefix), ListAsync),
        IamOperation.Writes(IamOperations.DeletePolicy, Resources.Arn<DeletePolicyRequest>(i => i.PolicyArn), DeleteAsync),
        IamOperation.Writes(IamOperations.TagPolicy, Resources.Arn<TagPolicyRequest>(i => i.PolicyArn), TagAsync),
        IamOperation.Writes(IamOperations.UntagPolicy, Resources.Arn<UntagPolicyRequest>(i => i.PolicyArn), UntagAsync),
        IamOperation.Reads(IamOperations.ListPolicyTags, Resources.Arn<ListPolicyTagsRequest>(i => i.PolicyArn), ListTagsAsync),
    ];

    private static async ValueTask<IamOutcome<CreatePolicyResponse>> CreateAsync(IamContext iam, CreatePolicyRequest input)
    {
        if (!(await AddAsync(iam, input.PolicyName!, input.Path, input.Description, input.PolicyDocument!)).TryGet(out var policy, out var error)) return error;
        if (await TagRows.Policies.SetAsync(iam, policy.Id, input.Tags) is { } fault) return fault;
        return new CreatePolicyResponse { Policy = await ToWireAsync(iam, policy, withTags: false) with { Description = null, Tags = input.Tags } };
    }

    /// <summary>Adds a policy of the account, when its document can be read, its name is free and the quota allows.</summary>
    public static async ValueTask<IamOutcome<ManagedPolicy>> AddAsync(IamContext iam, string name, string? path, string? description, string document)
    {
        if (CheckDocument(document) is { } malformed) return malformed;
        if (await PolicyRows.FindByNameAsync(iam, name) is not null) return IamError.AlreadyExists($"A policy called {name} already exists. Duplicate names are not allowed.");
        if (await PolicyRows.CountAsync(iam) >= IamQuotas.Policies) return IamError.Quota("PoliciesPerAccount", IamQuotas.Policies);
        return await PolicyRows.AddAsync(iam, name, path ?? "/", description, document);
    }

    /// <summary>What is wrong with a document; null when nothing is.</summary>
    public static IamError? CheckDocument(string document)
    {
        if (IamDocuments.Check(document, PolicyKind.Identity) is { } malformed) return malformed;
        return IamDocuments.Characters(document) > IamQuotas.ManagedCharacters ? IamError.Quota("PolicySize", IamQuotas.ManagedCharacters) : null;
    }

    /// <summary>A policy of the account that may be changed; the error when there is none or it is AWS's.</summary>
    public static async ValueTask<IamOutcome<ManagedPolicy>> OwnAsync(IamContext iam, string arn)
    {
        if (!(await PolicyRows.GetAsync(iam, arn)).TryGet(out var policy, out var error)) return error;
        return policy.IsAws ? IamError.Denied($"Policy {arn} is managed by AWS and cannot be changed.") : policy;
    }

    private static async ValueTask<IamOutcome<GetPolicyResponse>> GetAsync(IamContext iam, GetPolicyRequest input) =>
        (await PolicyRows.GetAsync(iam, input.PolicyArn!)).TryGet(out var policy, out var error)
            ? new GetPolicyResponse { Policy = await ToWireAsync(iam, policy, withTags: true) }
            : error;

    private static async ValueTask<IamOutcome<ListPoliciesResponse>> ListAsync(IamContext iam, ListPoliciesRequest input)
    {
        var scope = input.Scope ?? PolicyScopeTypeValues.ValueAll;
        var prefix = input.PathPrefix ?? "/";
        if (!iam.Page("ListPolicies", input.Marker, input.MaxItems, scope, prefix, input.OnlyAttached == true ? "attached" : "", input.PolicyUsageFilter).TryGet(out var page, out var error)) return error;
        var found = new List<(string Position, Policy Policy)>();
        if (scope != PolicyScopeTypeValues.Local && !page.After.StartsWith(LocalMark, StringComparison.Ordinal))
        {
            foreach (var policy in AwsManagedPolicies.All.Select(ManagedPolicy.Of).Where(policy => prefix == "/" && string.CompareOrdinal(AwsMark + policy.Name, page.After) > 0))
                await AddAsync(AwsMark + policy.Name, policy);
        }

        var after = page.After.StartsWith(LocalMark, StringComparison.Ordinal) ? page.After[LocalMark.Length..] : "";
        // Filters may leave little of what is read: as many pages as the answer needs.
        while (scope != PolicyScopeTypeValues.Aws && found.Count < page.Rows)
        {
            var rows = await PolicyRows.ListAsync(iam, prefix, after, page.Rows);
            foreach (var policy in rows) await AddAsync(LocalMark + EntityRows.Key(policy.Name), policy);
            if (rows.Count < page.Rows) break;
            after = EntityRows.Key(rows[^1].Name);
        }

        var marker = page.Cut(found, static pair => pair.Position);
        return new ListPoliciesResponse { Policies = [.. found.Select(static pair => pair.Policy)], IsTruncated = marker is not null, Marker = marker };

        async ValueTask AddAsync(string position, ManagedPolicy policy)
        {
            var wire = await ToWireAsync(iam, policy, withTags: false) with { Description = null };
            var wanted = input.PolicyUsageFilter switch
            {
                PolicyUsageTypeValues.PermissionsPolicy => wire.AttachmentCount > 0,
                PolicyUsageTypeValues.PermissionsBoundary => wire.PermissionsBoundaryUsageCount > 0,
                _ => input.OnlyAttached != true || wire.AttachmentCount > 0,
            };
            if (wanted) found.Add((position, wire));
        }
    }

    private static async ValueTask<IamOutcome<NoOutput>> DeleteAsync(IamContext iam, DeletePolicyRequest input)
    {
        if (!(await OwnAsync(iam, input.PolicyArn!)).TryGet(out var policy, out var error)) return error;
        if (await AttachmentRows.CountAsync(iam, policy.Arn) > 0) return IamError.DeleteConflict("Cannot delete a policy attached to entities.");
        if (await AttachmentRows.CountBoundariesAsync(iam, policy.Arn) > 0) return IamError.DeleteConflict("Cannot delete a policy that is a permissions boundary.");
        if ((await PolicyRows.VersionsAsync(iam, policy)).Count > 1)
        {
            return IamError.DeleteConflict(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.");
        }

        await PolicyRows.RemoveAsync(iam, policy);
        return new NoOutput();
    }

    private static async ValueTask<IamOutcome<NoOutput>> TagAsync(IamContext iam, TagPolicyRequest input)
    {
        if (!(await OwnAsync(iam, input.PolicyArn!)).TryGet(out var policy, out var error)) return error;
        return await TagRows.Policies.SetAsync(iam, policy.Id, input.Tags) is { } fault ? fault : new NoOutput();
    }

    private static async ValueTask<IamOutcome<NoOutput>> UntagAsync(IamContext iam, UntagPolicyRequest input)
    {
        if (!(await OwnAsync(iam, input.PolicyArn!)).TryGet(out var policy, out var error)) return error;
        await TagRows.Policies.UnsetAsync(iam, policy.Id, input.TagKeys!);
        return new NoOutput();
    }

    private static async ValueTask<IamOutcome<ListPolicyTagsResponse>> ListTagsAsync(IamContext iam, ListPolicyTagsRequest input)
    {
        if (!(await PolicyRows.GetAsync(iam, input.PolicyArn!)).TryGet(out var policy, out var error)) return error;
        if (!iam.Page("ListPolicyTags", input.Marker, input.MaxItems, policy.UniqueId).TryGet(out var page, out error)) return error;
        var tags = await TagRows.Policies.ListAsync(iam, policy.Id, page);
        var marker = page.Cut(tags, static tag => tag.Key!);
        return new ListPolicyTagsResponse { Tags = tags, IsTruncated = marker is not null, Marker = marker };
    }

    private static async ValueTask<Policy> ToWireAsync(IamContext iam, ManagedPolicy policy, bool withTags)
    {
        var tags = withTags && !policy.IsAws ? await TagRows.Policies.AllAsync(iam, policy.Id) : null;
        return new Policy
        {
            PolicyName = policy.Name,
            PolicyId = policy.UniqueId,
            Arn = policy.Arn,
            Path = policy.Path,
            DefaultVersionId = PolicyRows.VersionId(policy.DefaultVersion),
            AttachmentCount = await AttachmentRows.CountAsync(iam, policy.Arn),
            PermissionsBoundaryUsageCount = await AttachmentRows.CountBoundariesAsync(iam, policy.Arn),
            IsAttachable = true,
            Description = policy.Description,
            CreateDate = policy.CreatedAt,
            UpdateDate = policy.UpdatedAt,
            Tags = tags is { Count: > 0 } ? tags : null,
        };
    }
}

using Longshore.Core.Aws.Iam;
using Longshore.Server.Iam.Store;

namespace Longshore.Server.Iam.Operations;

/// <summary>Managed policies attached to users, groups and roles.</summary>
internal static class Attachments
{
    /// <summary>The operations.</summary>
    public static IReadOnlyList<IamOperation> All { get; } =
    [
        IamOperation.Writes(
            IamOperations.AttachUserPolicy, Resources.User<AttachUserPolicyRequest>(i => i.UserName),
            static (iam, i) => AttachAsync(iam, IamKind.User, i.UserName!, i.PolicyArn!)),
        IamOperation.Writes(
            IamOperations.AttachGroupPolicy, Resources.Group<AttachGroupPolicyRequest>(i => i.GroupName),
            static (iam, i) => AttachAsync(iam, IamKind.Group, i.GroupName!, i.PolicyArn!)),
        IamOperation.Writes(
            IamOperations.AttachRolePolicy, Resources.Role<AttachRolePolicyRequest>(i => i.RoleName),
            static (iam, i) => AttachAsync(iam, IamKind.Role, i.RoleName!, i.PolicyArn!)),
        IamOperation.Writes(
            IamOperations.DetachUserPolicy, Resources.User<DetachUserPolicyRequest>(i => i.UserName),
            static (iam, i) => DetachAsync(iam, IamKind.User, i.UserName!, i.PolicyArn!)),
        IamOperation.Writes(
            IamOperations.DetachGroupPolicy, Resources.Group<DetachGroupPolicyRequest>(i => i.GroupName),
            static (iam, i) => DetachAsync(iam, IamKind.Group, i.GroupName!, i.PolicyArn!)),
        IamOperation.Writes(
            IamOperations.DetachRolePolicy, Resources.Role<DetachRolePolicyRequest>(i => i.RoleName),
            static (iam, i) => DetachAsync(iam, IamKind.Role, i.RoleName!, i.PolicyArn!)),
        IamOperation.Reads(
            IamOperations.ListAttachedUserPolicies, Resources.User<ListAttachedUserPoliciesRequest>(i => i.UserName),
            static (iam, i) => ListAsync(iam, IamKind.User, i.UserName!, i.PathPrefix, i.Marker, i.MaxItems, static (found, marker) =>
                new ListAttachedUserPoliciesResponse { AttachedPolicies = found, IsTruncated = marker is not null, Marker = marker })),
        IamOperation.Reads(
            IamOperations.ListAttachedGroupPolicies, Resources.Group<ListAttachedGroupPoliciesRequest>(i => i.GroupName),
            static (iam, i) => ListAsync(iam, IamKind.Group, i.GroupName!, i.PathPrefix, i.Marker, i.MaxItems, static (found, marker) =>
                new ListAttachedGroupPoliciesResponse { AttachedPolicies = found, IsTruncated = marker is not null, Marker = marker })),
        IamOperation.Reads(
            IamOperations.ListAttachedRolePolicies, Resources.Role<ListAttachedRolePoliciesRequest>(i => i.RoleName),
            static (iam, i) => ListAsync(iam, IamKind.Role, i.RoleName!, i.PathPrefix, i.Marker, i.MaxItems, static (found, marker) =>
                new ListAttachedRolePoliciesResponse { AttachedPolicies = found, IsTruncated = marker is not null, Marker = marker })),
        IamOperation.Reads(IamOperations.ListEntitiesForPolicy, Resources.Arn<ListEntitiesForPolicyRequest>(i => i.PolicyArn), ListEntitiesAsync),
    ];

    private static async ValueTask<IamOutcome<NoOutput>> AttachAsync(IamContext iam, IamKind kind, string name, string policyArn)
    {
        if (!(await EntityRows.GetAsync(iam, kind, name)).TryGet(out var entity, out var error)) return error;
        return await AttachAsync(iam, entity, policyArn) is { } fault ? fault : new NoOutput();
    }

    /// <summary>Attaches a policy that is there, when the quota allows; once more is no error.</summary>
    public static async ValueTask<IamError?> AttachAsync(IamContext iam, Entity entity, string policyArn)
    {
        if (await PolicyRows.FindAsync(iam, policyArn) is null) return IamError.NoSuchEntity($"Policy {policyArn} does not exist or is not attachable.");
        var known = await AttachmentRows.AllAsync(iam, entity.Id);
        if (known.Contains(policyArn, StringComparer.Ordinal)) return null;
        if (known.Count >= IamQuotas.AttachedPolicies) return IamError.Quota($"PoliciesPer{entity.Kind.Title()}", IamQuotas.AttachedPolicies);
        await AttachmentRows.AddAsync(iam, entity.Id, policyArn);
        return null;
    }

    private static async ValueTask<IamOutcome<NoOutput>> DetachAsync(IamContext iam, IamKind kind, string name, string policyArn)
    {
        if (!(await EntityRows.GetAsync(iam, kind, name)).TryGet(out var entity, out var error)) return error;
        return await AttachmentRows.RemoveAsync(iam, entity.Id, policyArn) > 0 ? new NoOutput() : IamError.NoSuchEntity($"Policy {policyArn} was not found.");
    }

    private static async ValueTask<IamOutcome<TOutput>> ListAsync<TOutput>(
        IamContext iam, IamKind kind, string name, string? pathPrefix, string? marker, int? maxItems, Func<List<AttachedPolicy>, string?, TOutput> answer)
    {
        if (!(await EntityRows.GetAsync(iam, kind, name)).TryGet(out var entity, out var error)) return error;
        if (!iam.Page($"ListAttached{kind.Title()}Policies", marker, maxItems, entity.UniqueId, pathPrefix).TryGet(out var page, out error)) return error;
        var found = (await AttachmentRows.AllAsync(iam, entity.Id))
            .Where(arn => string.CompareOrdinal(arn, page.After) > 0)
            .Select(static arn => (Arn: arn, Slash: arn.LastIndexOf('/')))
            .Where(policy => policy.Arn[policy.Arn.IndexOf('/', StringComparison.Ordinal)..(policy.Slash + 1)].StartsWith(pathPrefix ?? "/", StringComparison.Ordinal))
            .Select(static policy => new AttachedPolicy { PolicyName = policy.Arn[(policy.Slash + 1)..], PolicyArn = policy.Arn })
            .OrderBy(static policy => policy.PolicyArn, StringComparer.Ordinal)
            .ToList();
        var next = page.Cut(found, static policy => policy.PolicyArn!);
        return answer(found, next);
    }

    private static async ValueTask<IamOutcome<ListEntitiesForPolicyResponse>> ListEntitiesAsync(IamContext iam, ListEntitiesForPolicyRequest input)
    {
        if (!(await PolicyRows.GetAsync(iam, input.PolicyArn!)).TryGet(out var policy, out var error)) return error;
        if (!iam.Page("ListEntitiesForPolicy", input.Marker, input.MaxItems, policy.Arn, input.EntityFilter, input.PathPrefix, input.PolicyUsageFilter).TryGet(out var page, out error)) return error;
        IamKind? kind = input.EntityFilter switch
        {
            EntityTypeValues.User => IamKind.User,
            EntityTypeValues.Group => IamKind.Group,
            EntityTypeValues.Role => IamKind.Role,
            _ => null,
        };
        var entities = input.EntityFilter is EntityTypeValues.LocalManagedPolicy or EntityTypeValues.AWSManagedPolicy
            ? []
            : await AttachmentRows.ListEntitiesAsync(
                iam, policy.Arn,
                attached: input.PolicyUsageFilter != PolicyUsageTypeValues.PermissionsBoundary,
                boundaries: input.PolicyUsageFilter != PolicyUsageTypeValues.PermissionsPolicy,
                kind, input.PathPrefix ?? "/", page.After, page.Rows);
        var marker = page.Cut(entities, static entity => $"{entity.Kind.Word()} {entity.NameKey}");
        return new ListEntitiesForPolicyResponse
        {
            PolicyGroups = [.. entities.Where(static e => e.Kind == IamKind.Group).Select(static e => new PolicyGroup { GroupName = e.Name, GroupId = e.UniqueId })],
            PolicyUsers = [.. entities.Where(static e => e.Kind == IamKind.User).Select(static e => new PolicyUser { UserName = e.Name, UserId = e.UniqueId })],
            PolicyRoles = [.. entities.Where(static e => e.Kind == IamKind.Role).Select(static e => new PolicyRole { RoleName = e.Name, RoleId = e.UniqueId })],
            IsTruncated = marker is not null,
            Marker = marker,
        };
    }
}

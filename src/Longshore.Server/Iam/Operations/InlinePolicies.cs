using Longshore.Core.Aws.Iam;
using Longshore.Core.Policies;
using Longshore.Server.Iam.Store;

namespace Longshore.Server.Iam.Operations;

/// <summary>Policies that belong to one user, group or role.</summary>
internal static class InlinePolicies
{
    /// <summary>The operations.</summary>
    public static IReadOnlyList<IamOperation> All { get; } =
    [
        IamOperation.Writes(
            IamOperations.PutUserPolicy, Resources.User<PutUserPolicyRequest>(i => i.UserName),
            static (iam, i) => PutAsync(iam, IamKind.User, i.UserName!, i.PolicyName!, i.PolicyDocument!)),
        IamOperation.Writes(
            IamOperations.PutGroupPolicy, Resources.Group<PutGroupPolicyRequest>(i => i.GroupName),
            static (iam, i) => PutAsync(iam, IamKind.Group, i.GroupName!, i.PolicyName!, i.PolicyDocument!)),
        IamOperation.Writes(
            IamOperations.PutRolePolicy, Resources.Role<PutRolePolicyRequest>(i => i.RoleName),
            static (iam, i) => PutAsync(iam, IamKind.Role, i.RoleName!, i.PolicyName!, i.PolicyDocument!)),
        IamOperation.Reads(
            IamOperations.GetUserPolicy, Resources.User<GetUserPolicyRequest>(i => i.UserName),
            static (iam, i) => GetAsync(iam, IamKind.User, i.UserName!, i.PolicyName!, static (owner, name, document) =>
                new GetUserPolicyResponse { UserName = owner, PolicyName = name, PolicyDocument = document })),
        IamOperation.Reads(
            IamOperations.GetGroupPolicy, Resources.Group<GetGroupPolicyRequest>(i => i.GroupName),
            static (iam, i) => GetAsync(iam, IamKind.Group, i.GroupName!, i.PolicyName!, static (owner, name, document) =>
                new GetGroupPolicyResponse { GroupName = owner, PolicyName = name, PolicyDocument = document })),
        IamOperation.Reads(
            IamOperations.GetRolePolicy, Resources.Role<GetRolePolicyRequest>(i => i.RoleName),
            static (iam, i) => GetAsync(iam, IamKind.Role, i.RoleName!, i.PolicyName!, static (owner, name, document) =>
                new GetRolePolicyResponse { RoleName = owner, PolicyName = name, PolicyDocument = document })),
        IamOperation.Writes(
            IamOperations.DeleteUserPolicy, Resources.User<DeleteUserPolicyRequest>(i => i.UserName),
            static (iam, i) => DeleteAsync(iam, IamKind.User, i.UserName!, i.PolicyName!)),
        IamOperation.Writes(
            IamOperations.DeleteGroupPolicy, Resources.Group<DeleteGroupPolicyRequest>(i => i.GroupName),
            static (iam, i) => DeleteAsync(iam, IamKind.Group, i.GroupName!, i.PolicyName!)),
        IamOperation.Writes(
            IamOperations.DeleteRolePolicy, Resources.Role<DeleteRolePolicyRequest>(i => i.RoleName),
            static (iam, i) => DeleteAsync(iam, IamKind.Role, i.RoleName!, i.PolicyName!)),
        IamOperation.Reads(
            IamOperations.ListUserPolicies, Resources.User<ListUserPoliciesRequest>(i => i.UserName),
            static (iam, i) => ListAsync(iam, IamKind.User, i.UserName!, i.Marker, i.MaxItems, static (names, marker) =>
                new ListUserPoliciesResponse { PolicyNames = names, IsTruncated = marker is not null, Marker = marker })),
        IamOperation.Reads(
            IamOperations.ListGroupPolicies, Resources.Group<ListGroupPoliciesRequest>(i => i.GroupName),
            static (iam, i) => ListAsync(iam, IamKind.Group, i.GroupName!, i.Marker, i.MaxItems, static (names, marker) =>
                new ListGroupPoliciesResponse { PolicyNames = names, IsTruncated = marker is not null, Marker = marker })),
        IamOperation.Reads(
            IamOperations.ListRolePolicies, Resources.Role<ListRolePoliciesRequest>(i => i.RoleName),
            static (iam, i) => ListAsync(iam, IamKind.Role, i.RoleName!, i.Marker, i.MaxItems, static (names, marker) =>
                new ListRolePoliciesResponse { PolicyNames = names, IsTruncated = marker is not null, Marker = marker })),
    ];

    private static async ValueTask<IamOutcome<NoOutput>> PutAsync(IamContext iam, IamKind kind, string owner, string name, string document)
    {
        if (!(await EntityRows.GetAsync(iam, kind, owner)).TryGet(out var entity, out var error)) return error;
        return await PutAsync(iam, entity, name, document) is { } fault ? fault : new NoOutput();
    }

    /// <summary>Sets one when it can be read and all of the owner stay within the quota.</summary>
    public static async ValueTask<IamError?> PutAsync(IamContext iam, Entity owner, string name, string document)
    {
        if (IamDocuments.Check(document, PolicyKind.Identity) is { } malformed) return malformed;
        var known = await InlinePolicyRows.AllAsync(iam, owner.Id);
        var others = known.Where(policy => !string.Equals(policy.Name, name, StringComparison.OrdinalIgnoreCase)).ToList();
        var limit = owner.Kind.InlineCharacters();
        if (others.Sum(static policy => IamDocuments.Characters(policy.Document)) + IamDocuments.Characters(document) > limit)
            return IamError.LimitExceeded($"Maximum policy size of {limit} bytes exceeded for {owner.Kind.Word()} {owner.Name}");
        foreach (var (previous, _) in known.Except(others))
            if (previous != name) await InlinePolicyRows.RemoveAsync(iam, owner.Id, previous);
        await InlinePolicyRows.PutAsync(iam, owner.Id, name, document);
        return null;
    }

    private static async ValueTask<IamOutcome<TOutput>> GetAsync<TOutput>(IamContext iam, IamKind kind, string owner, string name, Func<string, string, string, TOutput> answer)
    {
        if (!(await EntityRows.GetAsync(iam, kind, owner)).TryGet(out var entity, out var error)) return error;
        return await InlinePolicyRows.FindAsync(iam, entity.Id, name) is { } found
            ? answer(entity.Name, found.Name, IamDocuments.Encode(found.Document))
            : Unknown(kind, name);
    }

    private static async ValueTask<IamOutcome<NoOutput>> DeleteAsync(IamContext iam, IamKind kind, string owner, string name)
    {
        if (!(await EntityRows.GetAsync(iam, kind, owner)).TryGet(out var entity, out var error)) return error;
        if (await InlinePolicyRows.FindAsync(iam, entity.Id, name) is not { } found) return Unknown(kind, name);
        await InlinePolicyRows.RemoveAsync(iam, entity.Id, found.Name);
        return new NoOutput();
    }

    private static async ValueTask<IamOutcome<TOutput>> ListAsync<TOutput>(
        IamContext iam, IamKind kind, string owner, string? marker, int? maxItems, Func<List<string>, string?, TOutput> answer)
    {
        if (!(await EntityRows.GetAsync(iam, kind, owner)).TryGet(out var entity, out var error)) return error;
        if (!iam.Page($"List{kind.Title()}Policies", marker, maxItems, entity.UniqueId).TryGet(out var page, out error)) return error;
        var names = await InlinePolicyRows.ListAsync(iam, entity.Id, page);
        var next = page.Cut(names, static name => name);
        return answer(names, next);
    }

    private static IamError Unknown(IamKind kind, string name) => IamError.NoSuchEntity($"The {kind.Word()} policy with name {name} cannot be found.");
}

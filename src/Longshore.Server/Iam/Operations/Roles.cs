using Longshore.Core.Aws.Iam;
using Longshore.Core.Policies;
using Longshore.Server.Iam.Store;

namespace Longshore.Server.Iam.Operations;

/// <summary>Roles and who may assume them.</summary>
internal static class Roles
{
    /// <summary>How long a session may last unless the role says otherwise, in seconds.</summary>
    public const int DefaultSessionSeconds = 3600;

    /// <summary>The operations.</summary>
    public static IReadOnlyList<IamOperation> All { get; } =
    [
        IamOperation.Writes(IamOperations.CreateRole, Resources.New<CreateRoleRequest>(IamKind.Role, i => (i.Path, i.RoleName)), CreateAsync),
        IamOperation.Reads(IamOperations.GetRole, Resources.Role<GetRoleRequest>(i => i.RoleName), GetAsync),
        IamOperation.Reads(IamOperations.ListRoles, Resources.Below<ListRolesRequest>("role", i => i.PathPrefix), ListAsync),
        IamOperation.Writes(IamOperations.UpdateRole, Resources.Role<UpdateRoleRequest>(i => i.RoleName), UpdateAsync),
        IamOperation.Writes(IamOperations.UpdateRoleDescription, Resources.Role<UpdateRoleDescriptionRequest>(i => i.RoleName), DescribeAsync),
        IamOperation.Writes(IamOperations.DeleteRole, Resources.Role<DeleteRoleRequest>(i => i.RoleName), DeleteAsync),
        IamOperation.Writes(IamOperations.UpdateAssumeRolePolicy, Resources.Role<UpdateAssumeRolePolicyRequest>(i => i.RoleName), UpdateTrustAsync),
        IamOperation.Writes(IamOperations.TagRole, Resources.Role<TagRoleRequest>(i => i.RoleName), TagAsync),
        IamOperation.Writes(IamOperations.UntagRole, Resources.Role<UntagRoleRequest>(i => i.RoleName), UntagAsync),
        IamOperation.Reads(IamOperations.ListRoleTags, Resources.Role<ListRoleTagsRequest>(i => i.RoleName), ListTagsAsync),
        IamOperation.Reads(IamOperations.ListInstanceProfilesForRole, Resources.Role<ListInstanceProfilesForRoleRequest>(i => i.RoleName), ListInstanceProfilesAsync),
    ];

    private static async ValueTask<IamOutcome<CreateRoleResponse>> CreateAsync(IamContext iam, CreateRoleRequest input)
    {
        if (CheckTrust(input.AssumeRolePolicyDocument!) is { } malformed) return malformed;
        if (await Boundaries.CheckAsync(iam, input.PermissionsBoundary) is { } wrong) return wrong;
        var wanted = new NewEntity(
            input.RoleName!, input.Path, input.Description, input.AssumeRolePolicyDocument, input.MaxSessionDuration ?? DefaultSessionSeconds, input.PermissionsBoundary);
        if (!(await EntityRows.AddAsync(iam, IamKind.Role, wanted)).TryGet(out var role, out var error)) return error;
        if (await TagRows.Principals.SetAsync(iam, role.Id, input.Tags) is { } fault) return fault;
        return new CreateRoleResponse { Role = role.ToRole(input.Tags, whole: true) };
    }

    /// <summary>What is wrong with a trust policy; null when nothing is.</summary>
    public static IamError? CheckTrust(string document)
    {
        if (IamDocuments.Check(document, PolicyKind.Trust) is { } malformed) return malformed;
        return IamDocuments.Characters(document) > IamQuotas.TrustCharacters ? IamError.Quota("ACLSizePerRole", IamQuotas.TrustCharacters) : null;
    }

    private static async ValueTask<IamOutcome<GetRoleResponse>> GetAsync(IamContext iam, GetRoleRequest input)
    {
        if (!(await EntityRows.GetAsync(iam, IamKind.Role, input.RoleName!)).TryGet(out var role, out var error)) return error;
        return new GetRoleResponse { Role = role.ToRole(await TagRows.Principals.AllAsync(iam, role.Id), whole: true) };
    }

    private static async ValueTask<IamOutcome<ListRolesResponse>> ListAsync(IamContext iam, ListRolesRequest input)
    {
        if (!iam.Page("ListRoles", input.Marker, input.MaxItems, input.PathPrefix).TryGet(out var page, out var error)) return error;
        var roles = await EntityRows.ListAsync(iam, IamKind.Role, input.PathPrefix, page.After, page.Rows);
        var marker = page.Cut(roles, static role => role.NameKey);
        return new ListRolesResponse { Roles = [.. roles.Select(static role => role.ToRole())], IsTruncated = marker is not null, Marker = marker };
    }

    private static async ValueTask<IamOutcome<UpdateRoleResponse>> UpdateAsync(IamContext iam, UpdateRoleRequest input)
    {
        if (!(await EntityRows.GetAsync(iam, IamKind.Role, input.RoleName!)).TryGet(out var role, out var error)) return error;
        await EntityRows.UpdateRoleAsync(iam, role with
        {
            Description = input.Description ?? role.Description,
            MaxSessionSeconds = input.MaxSessionDuration ?? role.MaxSessionSeconds,
        });
        return new UpdateRoleResponse();
    }

    private static async ValueTask<IamOutcome<UpdateRoleDescriptionResponse>> DescribeAsync(IamContext iam, UpdateRoleDescriptionRequest input)
    {
        if (!(await EntityRows.GetAsync(iam, IamKind.Role, input.RoleName!)).TryGet(out var role, out var error)) return error;
        role = role with { Description = input.Description };
        await EntityRows.UpdateRoleAsync(iam, role);
        return new UpdateRoleDescriptionResponse { Role = role.ToRole(await TagRows.Principals.AllAsync(iam, role.Id), whole: true) };
    }

    private static async ValueTask<IamOutcome<NoOutput>> DeleteAsync(IamContext iam, DeleteRoleRequest input)
    {
        if (!(await EntityRows.GetAsync(iam, IamKind.Role, input.RoleName!)).TryGet(out var role, out var error)) return error;
        if (await Users.InUseAsync(iam, role) is { } conflict) return conflict;
        await EntityRows.RemoveAsync(iam, role);
        return new NoOutput();
    }

    private static async ValueTask<IamOutcome<NoOutput>> UpdateTrustAsync(IamContext iam, UpdateAssumeRolePolicyRequest input)
    {
        if (!(await EntityRows.GetAsync(iam, IamKind.Role, input.RoleName!)).TryGet(out var role, out var error)) return error;
        if (CheckTrust(input.PolicyDocument!) is { } malformed) return malformed;
        await EntityRows.UpdateRoleAsync(iam, role with { TrustPolicy = input.PolicyDocument });
        return new NoOutput();
    }

    private static async ValueTask<IamOutcome<NoOutput>> TagAsync(IamContext iam, TagRoleRequest input)
    {
        if (!(await EntityRows.GetAsync(iam, IamKind.Role, input.RoleName!)).TryGet(out var role, out var error)) return error;
        return await TagRows.Principals.SetAsync(iam, role.Id, input.Tags) is { } fault ? fault : new NoOutput();
    }

    private static async ValueTask<IamOutcome<NoOutput>> UntagAsync(IamContext iam, UntagRoleRequest input)
    {
        if (!(await EntityRows.GetAsync(iam, IamKind.Role, input.RoleName!)).TryGet(out var role, out var error)) return error;
        await TagRows.Principals.UnsetAsync(iam, role.Id, input.TagKeys!);
        return new NoOutput();
    }

    private static async ValueTask<IamOutcome<ListRoleTagsResponse>> ListTagsAsync(IamContext iam, ListRoleTagsRequest input)
    {
        if (!(await EntityRows.GetAsync(iam, IamKind.Role, input.RoleName!)).TryGet(out var role, out var error)) return error;
        if (!iam.Page("ListRoleTags", input.Marker, input.MaxItems, role.UniqueId).TryGet(out var page, out error)) return error;
        var tags = await TagRows.Principals.ListAsync(iam, role.Id, page);
        var marker = page.Cut(tags, static tag => tag.Key!);
        return new ListRoleTagsResponse { Tags = tags, IsTruncated = marker is not null, Marker = marker };
    }

    // Instance profiles belong to machines, which this server has none of.
    private static async ValueTask<IamOutcome<ListInstanceProfilesForRoleResponse>> ListInstanceProfilesAsync(IamContext iam, ListInstanceProfilesForRoleRequest input) =>
        (await EntityRows.GetAsync(iam, IamKind.Role, input.RoleName!)).TryGet(out _, out var error)
            ? new ListInstanceProfilesForRoleResponse { InstanceProfiles = [], IsTruncated = false }
            : error;
}

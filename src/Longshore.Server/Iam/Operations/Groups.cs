using Longshore.Core.Aws.Iam;
using Longshore.Server.Iam.Store;

namespace Longshore.Server.Iam.Operations;

/// <summary>Groups and who is in them.</summary>
internal static class Groups
{
    /// <summary>The operations.</summary>
    public static IReadOnlyList<IamOperation> All { get; } =
    [
        IamOperation.Writes(IamOperations.CreateGroup, Resources.New<CreateGroupRequest>(IamKind.Group, i => (i.Path, i.GroupName)), CreateAsync),
        IamOperation.Reads(IamOperations.GetGroup, Resources.Group<GetGroupRequest>(i => i.GroupName), GetAsync),
        IamOperation.Reads(IamOperations.ListGroups, Resources.Below<ListGroupsRequest>("group", i => i.PathPrefix), ListAsync),
        IamOperation.Writes(IamOperations.UpdateGroup, Resources.Group<UpdateGroupRequest>(i => i.GroupName), UpdateAsync),
        IamOperation.Writes(IamOperations.DeleteGroup, Resources.Group<DeleteGroupRequest>(i => i.GroupName), DeleteAsync),
        IamOperation.Writes(IamOperations.AddUserToGroup, Resources.Group<AddUserToGroupRequest>(i => i.GroupName), AddUserAsync),
        IamOperation.Writes(IamOperations.RemoveUserFromGroup, Resources.Group<RemoveUserFromGroupRequest>(i => i.GroupName), RemoveUserAsync),
        IamOperation.Reads(IamOperations.ListGroupsForUser, Resources.User<ListGroupsForUserRequest>(i => i.UserName), ListForUserAsync),
    ];

    private static async ValueTask<IamOutcome<CreateGroupResponse>> CreateAsync(IamContext iam, CreateGroupRequest input) =>
        (await EntityRows.AddAsync(iam, IamKind.Group, new NewEntity(input.GroupName!, input.Path))).TryGet(out var group, out var error)
            ? new CreateGroupResponse { Group = group.ToGroup() }
            : error;

    private static async ValueTask<IamOutcome<GetGroupResponse>> GetAsync(IamContext iam, GetGroupRequest input)
    {
        if (!(await EntityRows.GetAsync(iam, IamKind.Group, input.GroupName!)).TryGet(out var group, out var error)) return error;
        if (!iam.Page("GetGroup", input.Marker, input.MaxItems, group.UniqueId).TryGet(out var page, out error)) return error;
        var users = await MemberRows.ListUsersAsync(iam, group, page.After, page.Rows);
        var marker = page.Cut(users, static user => user.NameKey);
        return new GetGroupResponse { Group = group.ToGroup(), Users = [.. users.Select(static user => user.ToUser())], IsTruncated = marker is not null, Marker = marker };
    }

    private static async ValueTask<IamOutcome<ListGroupsResponse>> ListAsync(IamContext iam, ListGroupsRequest input)
    {
        if (!iam.Page("ListGroups", input.Marker, input.MaxItems, input.PathPrefix).TryGet(out var page, out var error)) return error;
        var groups = await EntityRows.ListAsync(iam, IamKind.Group, input.PathPrefix, page.After, page.Rows);
        var marker = page.Cut(groups, static group => group.NameKey);
        return new ListGroupsResponse { Groups = [.. groups.Select(static group => group.ToGroup())], IsTruncated = marker is not null, Marker = marker };
    }

    private static async ValueTask<IamOutcome<NoOutput>> UpdateAsync(IamContext iam, UpdateGroupRequest input)
    {
        if (!(await EntityRows.GetAsync(iam, IamKind.Group, input.GroupName!)).TryGet(out var group, out var error)) return error;
        return (await EntityRows.MoveAsync(iam, group, input.NewGroupName, input.NewPath)).TryGet(out _, out error) ? new NoOutput() : error;
    }

    private static async ValueTask<IamOutcome<NoOutput>> DeleteAsync(IamContext iam, DeleteGroupRequest input)
    {
        if (!(await EntityRows.GetAsync(iam, IamKind.Group, input.GroupName!)).TryGet(out var group, out var error)) return error;
        if (await MemberRows.AnyInAsync(iam, group)) return IamError.DeleteConflict("Cannot delete entity, must remove users from group first.");
        if (await Users.InUseAsync(iam, group) is { } conflict) return conflict;
        await EntityRows.RemoveAsync(iam, group);
        return new NoOutput();
    }

    private static async ValueTask<IamOutcome<NoOutput>> AddUserAsync(IamContext iam, AddUserToGroupRequest input)
    {
        if (!(await EntityRows.GetAsync(iam, IamKind.Group, input.GroupName!)).TryGet(out var group, out var error)) return error;
        if (!(await EntityRows.GetAsync(iam, IamKind.User, input.UserName!)).TryGet(out var user, out error)) return error;
        return await JoinAsync(iam, user, group) is { } fault ? fault : new NoOutput();
    }

    /// <summary>Puts a user into a group when the quota allows.</summary>
    public static async ValueTask<IamError?> JoinAsync(IamContext iam, Entity user, Entity group)
    {
        await MemberRows.AddAsync(iam, user, group);
        return await MemberRows.GroupsOfAsync(iam, user) > IamQuotas.GroupsPerUser ? IamError.Quota("GroupsPerUser", IamQuotas.GroupsPerUser) : null;
    }

    private static async ValueTask<IamOutcome<NoOutput>> RemoveUserAsync(IamContext iam, RemoveUserFromGroupRequest input)
    {
        if (!(await EntityRows.GetAsync(iam, IamKind.Group, input.GroupName!)).TryGet(out var group, out var error)) return error;
        if (!(await EntityRows.GetAsync(iam, IamKind.User, input.UserName!)).TryGet(out var user, out error)) return error;
        await MemberRows.RemoveAsync(iam, user, group);
        return new NoOutput();
    }

    private static async ValueTask<IamOutcome<ListGroupsForUserResponse>> ListForUserAsync(IamContext iam, ListGroupsForUserRequest input)
    {
        if (!(await EntityRows.GetAsync(iam, IamKind.User, input.UserName!)).TryGet(out var user, out var error)) return error;
        if (!iam.Page("ListGroupsForUser", input.Marker, input.MaxItems, user.UniqueId).TryGet(out var page, out error)) return error;
        var groups = await MemberRows.ListGroupsAsync(iam, user, page.After, page.Rows);
        var marker = page.Cut(groups, static group => group.NameKey);
        return new ListGroupsForUserResponse { Groups = [.. groups.Select(static group => group.ToGroup())], IsTruncated = marker is not null, Marker = marker };
    }
}

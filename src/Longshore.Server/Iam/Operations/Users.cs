using Longshore.Core.Aws.Iam;
using Longshore.Server.Access;
using Longshore.Server.Iam.Store;

namespace Longshore.Server.Iam.Operations;

/// <summary>Users.</summary>
internal static class Users
{
    /// <summary>The operations.</summary>
    public static IReadOnlyList<IamOperation> All { get; } =
    [
        IamOperation.Writes(IamOperations.CreateUser, Resources.New<CreateUserRequest>(IamKind.User, i => (i.Path, i.UserName)), CreateAsync),
        IamOperation.Reads(IamOperations.GetUser, Resources.User<GetUserRequest>(i => i.UserName), GetAsync),
        IamOperation.Reads(IamOperations.ListUsers, Resources.Below<ListUsersRequest>("user", i => i.PathPrefix), ListAsync),
        IamOperation.Writes(IamOperations.UpdateUser, Resources.User<UpdateUserRequest>(i => i.UserName), UpdateAsync),
        IamOperation.Writes(IamOperations.DeleteUser, Resources.User<DeleteUserRequest>(i => i.UserName), DeleteAsync),
        IamOperation.Writes(IamOperations.TagUser, Resources.User<TagUserRequest>(i => i.UserName), TagAsync),
        IamOperation.Writes(IamOperations.UntagUser, Resources.User<UntagUserRequest>(i => i.UserName), UntagAsync),
        IamOperation.Reads(IamOperations.ListUserTags, Resources.User<ListUserTagsRequest>(i => i.UserName), ListTagsAsync),
    ];

    private static async ValueTask<IamOutcome<CreateUserResponse>> CreateAsync(IamContext iam, CreateUserRequest input)
    {
        if (await Boundaries.CheckAsync(iam, input.PermissionsBoundary) is { } wrong) return wrong;
        if (!(await EntityRows.AddAsync(iam, IamKind.User, new NewEntity(input.UserName!, input.Path, BoundaryArn: input.PermissionsBoundary))).TryGet(out var user, out var error)) return error;
        if (await TagRows.Principals.SetAsync(iam, user.Id, input.Tags) is { } fault) return fault;
        return new CreateUserResponse { User = user.ToUser(input.Tags, whole: true) };
    }

    private static async ValueTask<IamOutcome<GetUserResponse>> GetAsync(IamContext iam, GetUserRequest input)
    {
        if (input.UserName is null && iam.Caller.Kind == PrincipalKind.Root) return await RootAsync(iam);
        if (!(await NamedOrCallerAsync(iam, input.UserName)).TryGet(out var user, out var error)) return error;
        return new GetUserResponse { User = user.ToUser(await TagRows.Principals.AllAsync(iam, user.Id), whole: true) };
    }

    // The root has neither a name nor a path.
    private static async ValueTask<IamOutcome<GetUserResponse>> RootAsync(IamContext iam)
    {
        var created = await iam.Db.QueryFirstAsync(
            "SELECT created_at FROM principals WHERE id = @id", static row => Storage.Metadata.DbDataReaderExtensions.GetTime(row, 0), ("@id", iam.Caller.Id));
        return new GetUserResponse { User = new User { UserId = iam.Account, Arn = IamArns.Root(iam.Account), CreateDate = created } };
    }

    private static async ValueTask<IamOutcome<ListUsersResponse>> ListAsync(IamContext iam, ListUsersRequest input)
    {
        if (!iam.Page("ListUsers", input.Marker, input.MaxItems, input.PathPrefix).TryGet(out var page, out var error)) return error;
        var users = await EntityRows.ListAsync(iam, IamKind.User, input.PathPrefix, page.After, page.Rows);
        var marker = page.Cut(users, static user => user.NameKey);
        return new ListUsersResponse { Users = [.. users.Select(static user => user.ToUser())], IsTruncated = marker is not null, Marker = marker };
    }

    private static async ValueTask<IamOutcome<NoOutput>> UpdateAsync(IamContext iam, UpdateUserRequest input)
    {
        if (!(await EntityRows.GetAsync(iam, IamKind.User, input.UserName!)).TryGet(out var user, out var error)) return error;
        return (await EntityRows.MoveAsync(iam, user, input.NewUserName, input.NewPath)).TryGet(out _, out error) ? new NoOutput() : error;
    }

    private static async ValueTask<IamOutcome<NoOutput>> DeleteAsync(IamContext iam, DeleteUserRequest input)
    {
        if (!(await EntityRows.GetAsync(iam, IamKind.User, input.UserName!)).TryGet(out var user, out var error)) return error;
        if (await MemberRows.GroupsOfAsync(iam, user) > 0) return IamError.DeleteConflict("Cannot delete entity, must remove user from all groups first.");
        if (await KeyRows.CountAsync(iam, user.Id) > 0) return IamError.DeleteConflict("Cannot delete entity, must delete access keys first.");
        if (await InUseAsync(iam, user) is { } conflict) return conflict;
        await EntityRows.RemoveAsync(iam, user);
        return new NoOutput();
    }

    /// <summary>What keeps a user, group or role from being deleted; null when no policy is left.</summary>
    public static async ValueTask<IamError?> InUseAsync(IamContext iam, Entity entity)
    {
        if ((await AttachmentRows.AllAsync(iam, entity.Id)).Count > 0) return IamError.DeleteConflict("Cannot delete entity, must detach all policies first.");
        return (await InlinePolicyRows.AllAsync(iam, entity.Id)).Count > 0 ? IamError.DeleteConflict("Cannot delete entity, must delete policies first.") : null;
    }

    private static async ValueTask<IamOutcome<NoOutput>> TagAsync(IamContext iam, TagUserRequest input)
    {
        if (!(await EntityRows.GetAsync(iam, IamKind.User, input.UserName!)).TryGet(out var user, out var error)) return error;
        return await TagRows.Principals.SetAsync(iam, user.Id, input.Tags) is { } fault ? fault : new NoOutput();
    }

    private static async ValueTask<IamOutcome<NoOutput>> UntagAsync(IamContext iam, UntagUserRequest input)
    {
        if (!(await EntityRows.GetAsync(iam, IamKind.User, input.UserName!)).TryGet(out var user, out var error)) return error;
        await TagRows.Principals.UnsetAsync(iam, user.Id, input.TagKeys!);
        return new NoOutput();
    }

    private static async ValueTask<IamOutcome<ListUserTagsResponse>> ListTagsAsync(IamContext iam, ListUserTagsRequest input)
    {
        if (!(await EntityRows.GetAsync(iam, IamKind.User, input.UserName!)).TryGet(out var user, out var error)) return error;
        if (!iam.Page("ListUserTags", input.Marker, input.MaxItems, user.UniqueId).TryGet(out var page, out error)) return error;
        var tags = await TagRows.Principals.ListAsync(iam, user.Id, page);
        var marker = page.Cut(tags, static tag => tag.Key!);
        return new ListUserTagsResponse { Tags = tags, IsTruncated = marker is not null, Marker = marker };
    }

    /// <summary>The user of a name, or the caller when none is given.</summary>
    public static async ValueTask<IamOutcome<Entity>> NamedOrCallerAsync(IamContext iam, string? name)
    {
        if (name is not null) return await EntityRows.GetAsync(iam, IamKind.User, name);
        return iam.Caller.Kind == PrincipalKind.User
            ? await EntityRows.GetAsync(iam, IamKind.User, iam.Caller.Name)
            : IamError.Validation("Must specify userName when calling with non-User credentials");
    }
}

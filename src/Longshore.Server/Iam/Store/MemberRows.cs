namespace Longshore.Server.Iam.Store;

/// <summary>Who is in which group.</summary>
internal static class MemberRows
{
    /// <summary>Puts a user into a group; once more is no error.</summary>
    public static ValueTask<int> AddAsync(IamContext iam, Entity user, Entity group) => iam.Db.ExecuteAsync(
        "INSERT INTO group_members (user_id, group_id) VALUES (@user, @group) ON CONFLICT (user_id, group_id) DO NOTHING", ("@user", user.Id), ("@group", group.Id));

    /// <summary>Takes a user out of a group; 0 when it was not in it.</summary>
    public static ValueTask<int> RemoveAsync(IamContext iam, Entity user, Entity group) => iam.Db.ExecuteAsync(
        "DELETE FROM group_members WHERE user_id = @user AND group_id = @group", ("@user", user.Id), ("@group", group.Id));

    /// <summary>How many groups a user is in.</summary>
    public static async ValueTask<long> GroupsOfAsync(IamContext iam, Entity user) => await iam.Db.QueryFirstAsync(
        "SELECT COUNT(*) FROM group_members WHERE user_id = @user", static row => row.GetInt64(0), ("@user", user.Id));

    /// <summary>Whether anybody is in a group.</summary>
    public static async ValueTask<bool> AnyInAsync(IamContext iam, Entity group) => await iam.Db.QueryFirstAsync(
        "SELECT 1 FROM group_members WHERE group_id = @group LIMIT 1", static row => row.GetInt64(0), ("@group", group.Id)) > 0;

    /// <summary>A page of the groups of a user, in order of names.</summary>
    public static ValueTask<List<Entity>> ListGroupsAsync(IamContext iam, Entity user, string after, long rows) => iam.Db.QueryAsync(
        $"""
        SELECT {EntityRows.SelectColumns} FROM group_members m JOIN principals p ON p.id = m.group_id
        WHERE m.user_id = @user AND p.name_key > @after ORDER BY p.name_key LIMIT @rows
        """,
        EntityRows.Map, ("@user", user.Id), ("@after", after), ("@rows", rows));

    /// <summary>A page of the users in a group, in order of names.</summary>
    public static ValueTask<List<Entity>> ListUsersAsync(IamContext iam, Entity group, string after, long rows) => iam.Db.QueryAsync(
        $"""
        SELECT {EntityRows.SelectColumns} FROM group_members m JOIN principals p ON p.id = m.user_id
        WHERE m.group_id = @group AND p.name_key > @after ORDER BY p.name_key LIMIT @rows
        """,
        EntityRows.Map, ("@group", group.Id), ("@after", after), ("@rows", rows));
}

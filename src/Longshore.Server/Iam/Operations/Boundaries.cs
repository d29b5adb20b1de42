using Longshore.Core.Aws.Iam;
using Longshore.Server.Iam.Store;

namespace Longshore.Server.Iam.Operations;

/// <summary>Permissions boundaries of users and roles: managed policies that say what their own policies may give at most.</summary>
internal static class Boundaries
{
    /// <summary>The operations.</summary>
    public static IReadOnlyList<IamOperation> All { get; } =
    [
        IamOperation.Writes(
            IamOperations.PutUserPermissionsBoundary, Resources.User<PutUserPermissionsBoundaryRequest>(i => i.UserName),
            static (iam, input) => PutAsync(iam, IamKind.User, input.UserName!, input.PermissionsBoundary!)),
        IamOperation.Writes(
            IamOperations.DeleteUserPermissionsBoundary, Resources.User<DeleteUserPermissionsBoundaryRequest>(i => i.UserName),
            static (iam, input) => DeleteAsync(iam, IamKind.User, input.UserName!)),
        IamOperation.Writes(
            IamOperations.PutRolePermissionsBoundary, Resources.Role<PutRolePermissionsBoundaryRequest>(i => i.RoleName),
            static (iam, input) => PutAsync(iam, IamKind.Role, input.RoleName!, input.PermissionsBoundary!)),
        IamOperation.Writes(
            IamOperations.DeleteRolePermissionsBoundary, Resources.Role<DeleteRolePermissionsBoundaryRequest>(i => i.RoleName),
            static (iam, input) => DeleteAsync(iam, IamKind.Role, input.RoleName!)),
    ];

    /// <summary>What is wrong with a policy as a boundary; null when nothing is, or none is given.</summary>
    public static async ValueTask<IamError?> CheckAsync(IamContext iam, string? policyArn) =>
        policyArn is null || await PolicyRows.FindAsync(iam, policyArn) is not null
            ? null
            : IamError.NoSuchEntity($"Scope ARN: {policyArn} does not exist or is not attachable.");

    private static async ValueTask<IamOutcome<NoOutput>> PutAsync(IamContext iam, IamKind kind, string name, string policyArn)
    {
        if (!(await EntityRows.GetAsync(iam, kind, name)).TryGet(out var entity, out var error)) return error;
        if (await CheckAsync(iam, policyArn) is { } wrong) return wrong;
        await EntityRows.SetBoundaryAsync(iam, entity, policyArn);
        return new NoOutput();
    }

    private static async ValueTask<IamOutcome<NoOutput>> DeleteAsync(IamContext iam, IamKind kind, string name)
    {
        if (!(await EntityRows.GetAsync(iam, kind, name)).TryGet(out var entity, out var error)) return error;
        if (entity.BoundaryArn is null) return IamError.NoSuchEntity($"{kind.Title()} {name} has no permissions boundary.");
        await EntityRows.SetBoundaryAsync(iam, entity, null);
        return new NoOutput();
    }
}

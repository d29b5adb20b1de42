using Longshore.Core.Aws.Iam;
using Longshore.Server.Iam.Store;

namespace Longshore.Server.Iam.Operations;

/// <summary>Rows as the API tells them.</summary>
internal static class Wires
{
    /// <summary>A user. Lists leave out tags and boundary, as AWS does.</summary>
    public static User ToUser(this Entity user, IReadOnlyList<Tag>? tags = null, bool whole = false) => new()
    {
        Path = user.Path,
        UserName = user.Name,
        UserId = user.UniqueId,
        Arn = user.Arn,
        CreateDate = user.CreatedAt,
        PermissionsBoundary = whole ? Boundary(user) : null,
        Tags = tags is { Count: > 0 } ? tags : null,
    };

    /// <summary>A group.</summary>
    public static Group ToGroup(this Entity group) => new()
    {
        Path = group.Path,
        GroupName = group.Name,
        GroupId = group.UniqueId,
        Arn = group.Arn,
        CreateDate = group.CreatedAt,
    };

    /// <summary>A role. Lists leave out tags, boundary and last use, as AWS does.</summary>
    public static Role ToRole(this Entity role, IReadOnlyList<Tag>? tags = null, bool whole = false) => new()
    {
        Path = role.Path,
        RoleName = role.Name,
        RoleId = role.UniqueId,
        Arn = role.Arn,
        CreateDate = role.CreatedAt,
        AssumeRolePolicyDocument = IamDocuments.Encode(role.TrustPolicy ?? ""),
        Description = role.Description,
        MaxSessionDuration = (int)(role.MaxSessionSeconds ?? 3600),
        PermissionsBoundary = whole ? Boundary(role) : null,
        Tags = tags is { Count: > 0 } ? tags : null,
        RoleLastUsed = whole ? LastUsed(role) : null,
    };

    /// <summary>When a role was last assumed.</summary>
    public static RoleLastUsed LastUsed(Entity role) => new() { LastUsedDate = role.LastUsedAt, Region = role.LastUsedRegion };

    /// <summary>The permissions boundary, or null.</summary>
    public static AttachedPermissionsBoundary? Boundary(Entity entity) => entity.BoundaryArn is { } arn
        ? new AttachedPermissionsBoundary { PermissionsBoundaryType = PermissionsBoundaryAttachmentTypeValues.PermissionsBoundaryPolicy, PermissionsBoundaryArn = arn }
        : null;

    /// <summary>A version of a managed policy.</summary>
    public static PolicyVersion ToWire(this PolicyVersionRow version, ManagedPolicy policy, bool withDocument) => new()
    {
        VersionId = PolicyRows.VersionId(version.Version),
        IsDefaultVersion = version.Version == policy.DefaultVersion,
        CreateDate = version.CreatedAt,
        Document = withDocument ? IamDocuments.Encode(version.Document) : null,
    };
}

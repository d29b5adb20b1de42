using Longshore.Core.Aws.Iam;
using Longshore.Core.Policies;
using Longshore.Server.Iam.Store;

namespace Longshore.Server.Iam;

/// <summary>What a call is about, for the gate: the resource and the condition keys of IAM's own.</summary>
/// <param name="Arn">The resource.</param>
/// <param name="Conditions"><c>iam:PolicyARN</c>, <c>iam:PermissionsBoundary</c>, and the tags of the resource.</param>
/// <param name="RequestTags">Tags that the request brings; null when it takes none.</param>
internal sealed record IamTarget(string Arn, ConditionValues Conditions, IReadOnlyDictionary<string, string>? RequestTags)
{
    /// <summary>The ARN that a user or group will have, when the call gives it another one: that must be allowed too (IAM API reference, UpdateUser).</summary>
    public string? MovedTo { get; private init; }

    /// <summary>Puts together what a policy may ask about (Service Authorization Reference, "AWS Identity and Access Management").</summary>
    public static async ValueTask<IamTarget> OfAsync(IamContext iam, object input, string arn)
    {
        var conditions = new ConditionValues();
        if (PolicyArn(input) is { } policy) conditions.Add("iam:PolicyARN", policy);
        IReadOnlyList<Tag> tags = [];
        string? movedTo = null;
        var boundary = Boundary(input);
        if (IamArns.ReadEntity(iam.Account, arn) is { } named)
        {
            if (await EntityRows.FindAsync(iam, named.Kind, named.Name) is { } entity && entity.Arn == arn)
            {
                tags = await TagRows.Principals.AllAsync(iam, entity.Id);
                // Who changes the policies of somebody with a boundary is judged by that boundary.
                boundary ??= entity.BoundaryArn;
                if (Moved(input) is { } moved && IamArns.Of(entity.Kind, iam.Account, moved.Path ?? entity.Path, moved.Name ?? entity.Name) is var other && other != arn) movedTo = other;
            }
        }
        else if (IamArns.ReadProvider(iam.Account, arn) is { } url)
        {
            if (await ProviderRows.FindAsync(iam, url) is { } provider) tags = await TagRows.Providers.AllAsync(iam, provider.Id);
        }
        else if (IamArns.ReadPolicy(iam.Account, arn) is not null && await PolicyRows.FindAsync(iam, arn) is { IsAws: false } managed)
        {
            tags = await TagRows.Policies.AllAsync(iam, managed.Id);
        }

        if (boundary is not null) conditions.Add("iam:PermissionsBoundary", boundary);
        foreach (var tag in tags)
        {
            conditions.Add("iam:ResourceTag/" + tag.Key, tag.Value!);
            conditions.Add("aws:ResourceTag/" + tag.Key, tag.Value!);
        }

        return new IamTarget(arn, conditions, Tags(input)) { MovedTo = movedTo };
    }

    private static (string? Path, string? Name)? Moved(object input) => input switch
    {
        UpdateUserRequest i => (i.NewPath, i.NewUserName),
        UpdateGroupRequest i => (i.NewPath, i.NewGroupName),
        _ => null,
    };

    private static string? PolicyArn(object input) => input switch
    {
        AttachUserPolicyRequest i => i.PolicyArn,
        AttachGroupPolicyRequest i => i.PolicyArn,
        AttachRolePolicyRequest i => i.PolicyArn,
        DetachUserPolicyRequest i => i.PolicyArn,
        DetachGroupPolicyRequest i => i.PolicyArn,
        DetachRolePolicyRequest i => i.PolicyArn,
        _ => null,
    };

    private static string? Boundary(object input) => input switch
    {
        CreateUserRequest i => i.PermissionsBoundary,
        CreateRoleRequest i => i.PermissionsBoundary,
        PutUserPermissionsBoundaryRequest i => i.PermissionsBoundary,
        PutRolePermissionsBoundaryRequest i => i.PermissionsBoundary,
        _ => null,
    };

    private static Dictionary<string, string>? Tags(object input)
    {
        var tags = input switch
        {
            CreateUserRequest i => i.Tags,
            CreateRoleRequest i => i.Tags,
            CreatePolicyRequest i => i.Tags,
            CreateOpenIDConnectProviderRequest i => i.Tags,
            TagUserRequest i => i.Tags,
            TagRoleRequest i => i.Tags,
            TagPolicyRequest i => i.Tags,
            TagOpenIDConnectProviderRequest i => i.Tags,
            // Of tags that are taken away only the keys are known.
            UntagUserRequest i => [.. i.TagKeys!.Select(static key => new Tag { Key = key, Value = "" })],
            UntagRoleRequest i => [.. i.TagKeys!.Select(static key => new Tag { Key = key, Value = "" })],
            UntagPolicyRequest i => [.. i.TagKeys!.Select(static key => new Tag { Key = key, Value = "" })],
            UntagOpenIDConnectProviderRequest i => [.. i.TagKeys!.Select(static key => new Tag { Key = key, Value = "" })],
            _ => null,
        };
        if (tags is null) return null;
        var found = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var tag in tags) found[tag.Key!] = tag.Value ?? "";
        return found;
    }
}

using Longshore.Core.Aws.Iam;
using Longshore.Server.Iam.Store;

namespace Longshore.Server.Iam.Operations;

/// <summary>The account as a whole.</summary>
internal static class Account
{
    /// <summary>The operations.</summary>
    public static IReadOnlyList<IamOperation> All { get; } =
    [
        IamOperation.Reads(IamOperations.GetAccountSummary, Resources.Any, SummaryAsync),
        IamOperation.Reads(
            IamOperations.ListAccountAliases, Resources.Any,
            static (_, _) => new ValueTask<IamOutcome<ListAccountAliasesResponse>>(new ListAccountAliasesResponse { AccountAliases = [], IsTruncated = false })),
        IamOperation.Reads(IamOperations.GetAccountAuthorizationDetails, Resources.Any, DetailsAsync),
    ];

    // Numbers and quotas of what this server has; what it has not is 0.
    private static async ValueTask<IamOutcome<GetAccountSummaryResponse>> SummaryAsync(IamContext iam, NoInput input) => new GetAccountSummaryResponse
    {
        SummaryMap = new SortedDictionary<string, int>(StringComparer.Ordinal)
        {
            ["Users"] = (int)await EntityRows.CountAsync(iam, IamKind.User),
            ["UsersQuota"] = IamKind.User.PerAccount(),
            ["Groups"] = (int)await EntityRows.CountAsync(iam, IamKind.Group),
            ["GroupsQuota"] = IamKind.Group.PerAccount(),
            ["Roles"] = (int)await EntityRows.CountAsync(iam, IamKind.Role),
            ["RolesQuota"] = IamKind.Role.PerAccount(),
            ["Policies"] = (int)await PolicyRows.CountAsync(iam),
            ["PoliciesQuota"] = IamQuotas.Policies,
            ["Providers"] = (await ProviderRows.AllAsync(iam)).Count,
            ["PolicySizeQuota"] = IamQuotas.ManagedCharacters,
            ["UserPolicySizeQuota"] = IamKind.User.InlineCharacters(),
            ["GroupPolicySizeQuota"] = IamKind.Group.InlineCharacters(),
            ["RolePolicySizeQuota"] = IamKind.Role.InlineCharacters(),
            ["AssumeRolePolicySizeQuota"] = IamQuotas.TrustCharacters,
            ["AttachedPoliciesPerUserQuota"] = IamQuotas.AttachedPolicies,
            ["AttachedPoliciesPerGroupQuota"] = IamQuotas.AttachedPolicies,
            ["AttachedPoliciesPerRoleQuota"] = IamQuotas.AttachedPolicies,
            ["VersionsPerPolicyQuota"] = IamQuotas.PolicyVersions,
            ["AccessKeysPerUserQuota"] = IamQuotas.AccessKeys,
            ["GroupsPerUserQuota"] = IamQuotas.GroupsPerUser,
            ["AccountAccessKeysPresent"] = await HasRootKeyAsync(iam) ? 1 : 0,
            ["AccountMFAEnabled"] = 0,
            ["MFADevices"] = 0,
            ["MFADevicesInUse"] = 0,
            ["InstanceProfiles"] = 0,
            ["ServerCertificates"] = 0,
        },
    };

    private static async ValueTask<bool> HasRootKeyAsync(IamContext iam) => await iam.Db.QueryFirstAsync(
        "SELECT 1 FROM access_keys k JOIN principals p ON p.id = k.principal_id WHERE p.account = @account AND p.kind = 'root' AND k.disabled_at IS NULL LIMIT 1",
        static row => row.GetInt64(0), ("@account", iam.Account)) > 0;

    /// <summary>All that decides about access, page by page: users, groups, roles, then managed policies.</summary>
    private static async ValueTask<IamOutcome<GetAccountAuthorizationDetailsResponse>> DetailsAsync(IamContext iam, GetAccountAuthorizationDetailsRequest input)
    {
        if (!iam.Page("GetAccountAuthorizationDetails", input.Marker, input.MaxItems, input.Filter is null ? null : string.Join(',', input.Filter)).TryGet(out var page, out var error)) return error;
        var found = new List<(string Position, object Detail)>();
        foreach (var (kind, filter) in new[] { (IamKind.Group, EntityTypeValues.Group), (IamKind.Role, EntityTypeValues.Role), (IamKind.User, EntityTypeValues.User) })
        {
            if (!Wanted(filter) || found.Count >= page.Rows || Start(kind.Word()) is not { } after) continue;
            foreach (var entity in await EntityRows.ListAsync(iam, kind, null, after, page.Rows - found.Count))
                found.Add(($"{kind.Word()} {entity.NameKey}", await DetailAsync(iam, entity)));
        }

        // "z-": after the kinds in order of positions.
        if (Wanted(EntityTypeValues.LocalManagedPolicy) && found.Count < page.Rows && Start("z-policy") is { } last)
        {
            foreach (var policy in await PolicyRows.ListAsync(iam, "/", last, page.Rows - found.Count))
                found.Add(($"z-policy {EntityRows.Key(policy.Name)}", await DetailAsync(iam, policy)));
        }

        var marker = page.Cut(found, static pair => pair.Position);
        return new GetAccountAuthorizationDetailsResponse
        {
            UserDetailList = [.. found.Select(static pair => pair.Detail).OfType<UserDetail>()],
            GroupDetailList = [.. found.Select(static pair => pair.Detail).OfType<GroupDetail>()],
            RoleDetailList = [.. found.Select(static pair => pair.Detail).OfType<RoleDetail>()],
            Policies = [.. found.Select(static pair => pair.Detail).OfType<ManagedPolicyDetail>()],
            IsTruncated = marker is not null,
            Marker = marker,
        };

        bool Wanted(string type) => input.Filter is not { Count: > 0 } filter || filter.Contains(type, StringComparer.Ordinal);

        // Where a kind begins on this page; null when the page is past it.
        string? Start(string word)
        {
            var space = page.After.IndexOf(' ', StringComparison.Ordinal);
            if (space < 0) return "";
            var order = string.CompareOrdinal(word, page.After[..space]);
            return order < 0 ? null : order == 0 ? page.After[(space + 1)..] : "";
        }
    }

    private static async ValueTask<object> DetailAsync(IamContext iam, Entity entity)
    {
        List<AttachedPolicy> attached = [.. (await AttachmentRows.AllAsync(iam, entity.Id)).Select(static arn => new AttachedPolicy { PolicyName = arn[(arn.LastIndexOf('/') + 1)..], PolicyArn = arn })];
        List<PolicyDetail> inline = [.. (await InlinePolicyRows.AllAsync(iam, entity.Id)).Select(static p => new PolicyDetail { PolicyName = p.Name, PolicyDocument = IamDocuments.Encode(p.Document) })];
        switch (entity.Kind)
        {
            case IamKind.User:
                var groups = await MemberRows.ListGroupsAsync(iam, entity, "", IamQuotas.GroupsPerUser);
                return new UserDetail
                {
                    Path = entity.Path,
                    UserName = entity.Name,
                    UserId = entity.UniqueId,
                    Arn = entity.Arn,
                    CreateDate = entity.CreatedAt,
                    UserPolicyList = inline,
                    GroupList = [.. groups.Select(static group => group.Name)],
                    AttachedManagedPolicies = attached,
                    PermissionsBoundary = Wires.Boundary(entity),
                    Tags = await TagRows.Principals.AllAsync(iam, entity.Id),
                };
            case IamKind.Group:
                return new GroupDetail
                {
                    Path = entity.Path,
                    GroupName = entity.Name,
                    GroupId = entity.UniqueId,
                    Arn = entity.Arn,
                    CreateDate = entity.CreatedAt,
                    GroupPolicyList = inline,
                    AttachedManagedPolicies = attached,
                };
            default:
                return new RoleDetail
                {
                    Path = entity.Path,
                    RoleName = entity.Name,
                    RoleId = entity.UniqueId,
                    Arn = entity.Arn,
                    CreateDate = entity.CreatedAt,
                    AssumeRolePolicyDocument = IamDocuments.Encode(entity.TrustPolicy ?? ""),
                    InstanceProfileList = [],
                    RolePolicyList = inline,
                    AttachedManagedPolicies = attached,
                    PermissionsBoundary = Wires.Boundary(entity),
                    Tags = await TagRows.Principals.AllAsync(iam, entity.Id),
                    RoleLastUsed = Wires.LastUsed(entity),
                };
        }
    }

    private static async ValueTask<ManagedPolicyDetail> DetailAsync(IamContext iam, ManagedPolicy policy) => new()
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
        PolicyVersionList = [.. (await PolicyRows.VersionsAsync(iam, policy)).Select(version => version.ToWire(policy, withDocument: true))],
    };
}

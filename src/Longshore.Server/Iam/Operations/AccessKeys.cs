using Longshore.Core.Aws.Iam;
using Longshore.Server.Access;
using Longshore.Server.Iam.Store;
using AccessKey = Longshore.Core.Aws.Iam.AccessKey;

namespace Longshore.Server.Iam.Operations;

/// <summary>Access keys: secrets are shown once, when a key is made, and sealed at rest.</summary>
internal static class AccessKeys
{
    /// <summary>The operations.</summary>
    public static IReadOnlyList<IamOperation> All { get; } =
    [
        IamOperation.Writes(IamOperations.CreateAccessKey, Resources.User<CreateAccessKeyRequest>(i => i.UserName), CreateAsync),
        IamOperation.Reads(IamOperations.ListAccessKeys, Resources.User<ListAccessKeysRequest>(i => i.UserName), ListAsync),
        IamOperation.Writes(IamOperations.UpdateAccessKey, Resources.User<UpdateAccessKeyRequest>(i => i.UserName), UpdateAsync),
        IamOperation.Writes(IamOperations.DeleteAccessKey, Resources.User<DeleteAccessKeyRequest>(i => i.UserName), DeleteAsync),
        IamOperation.Reads(IamOperations.GetAccessKeyLastUsed, UserOfKeyAsync, GetLastUsedAsync),
    ];

    private static async ValueTask<IamOutcome<CreateAccessKeyResponse>> CreateAsync(IamContext iam, CreateAccessKeyRequest input)
    {
        if (!(await OwnerAsync(iam, input.UserName)).TryGet(out var owner, out var error)) return error;
        if (await KeyRows.CountAsync(iam, owner.Id) >= IamQuotas.AccessKeys) return IamError.Quota("AccessKeysPerUser", IamQuotas.AccessKeys);
        var key = RootCredentials.Generate();
        await KeyRows.AddAsync(iam, owner.Id, key);
        return new CreateAccessKeyResponse
        {
            AccessKey = new AccessKey
            {
                UserName = owner.Name,
                AccessKeyId = key.AccessKeyId,
                Status = StatusTypeValues.Active,
                SecretAccessKey = key.SecretAccessKey,
                CreateDate = iam.Now,
            },
        };
    }

    private static async ValueTask<IamOutcome<ListAccessKeysResponse>> ListAsync(IamContext iam, ListAccessKeysRequest input)
    {
        if (!(await OwnerAsync(iam, input.UserName)).TryGet(out var owner, out var error)) return error;
        if (!iam.Page("ListAccessKeys", input.Marker, input.MaxItems, owner.Name).TryGet(out var page, out error)) return error;
        var keys = await KeyRows.ListAsync(iam, owner.Id, page.After, page.Rows);
        var marker = page.Cut(keys, static key => key.Id);
        return new ListAccessKeysResponse
        {
            AccessKeyMetadata =
            [
                .. keys.Select(key => new AccessKeyMetadata
                {
                    UserName = owner.Name,
                    AccessKeyId = key.Id,
                    Status = key.Disabled ? StatusTypeValues.Inactive : StatusTypeValues.Active,
                    CreateDate = key.CreatedAt,
                }),
            ],
            IsTruncated = marker is not null,
            Marker = marker,
        };
    }

    private static async ValueTask<IamOutcome<NoOutput>> UpdateAsync(IamContext iam, UpdateAccessKeyRequest input)
    {
        if (!(await OwnerAsync(iam, input.UserName)).TryGet(out var owner, out var error)) return error;
        return await KeyRows.SetAsync(iam, owner.Id, input.AccessKeyId!, input.Status == StatusTypeValues.Active) > 0 ? new NoOutput() : Unknown(input.AccessKeyId!);
    }

    private static async ValueTask<IamOutcome<NoOutput>> DeleteAsync(IamContext iam, DeleteAccessKeyRequest input)
    {
        if (!(await OwnerAsync(iam, input.UserName)).TryGet(out var owner, out var error)) return error;
        return await KeyRows.RemoveAsync(iam, owner.Id, input.AccessKeyId!) > 0 ? new NoOutput() : Unknown(input.AccessKeyId!);
    }

    private static async ValueTask<string> UserOfKeyAsync(IamContext iam, GetAccessKeyLastUsedRequest input) =>
        await KeyRows.FindAsync(iam, input.AccessKeyId!) is { Kind: "user" } found ? IamArns.Of(IamKind.User, iam.Account, found.Path, found.UserName) : "*";

    private static async ValueTask<IamOutcome<GetAccessKeyLastUsedResponse>> GetLastUsedAsync(IamContext iam, GetAccessKeyLastUsedRequest input)
    {
        if (await KeyRows.FindAsync(iam, input.AccessKeyId!) is not { } found) return Unknown(input.AccessKeyId!);
        return new GetAccessKeyLastUsedResponse
        {
            UserName = found.UserName,
            AccessKeyLastUsed = new AccessKeyLastUsed
            {
                LastUsedDate = found.Key.LastUsedAt,
                ServiceName = found.Key.LastUsedService ?? "N/A",
                Region = found.Key.LastUsedRegion ?? "N/A",
            },
        };
    }

    private static IamError Unknown(string accessKeyId) => IamError.NoSuchEntity($"The Access Key with id {accessKeyId} cannot be found.");

    // The root has keys too, and no user's row.
    private static async ValueTask<IamOutcome<(long Id, string Name)>> OwnerAsync(IamContext iam, string? name)
    {
        if (name is null && iam.Caller.Kind == PrincipalKind.Root) return (iam.Caller.Id, iam.Caller.Name);
        return (await Users.NamedOrCallerAsync(iam, name)).TryGet(out var user, out var error) ? (user.Id, user.Name) : error;
    }
}

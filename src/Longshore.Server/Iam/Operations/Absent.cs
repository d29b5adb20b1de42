using Longshore.Core.Aws.Iam;
using Longshore.Server.Iam.Store;

namespace Longshore.Server.Iam.Operations;

/// <summary>What users have at AWS and never have here, told truthfully: passwords, devices, certificates, keys of other services. Terraform asks before it deletes a user.</summary>
internal static class Absent
{
    /// <summary>The operations.</summary>
    public static IReadOnlyList<IamOperation> All { get; } =
    [
        IamOperation.Reads(
            IamOperations.GetLoginProfile, Resources.User<GetLoginProfileRequest>(i => i.UserName),
            static (iam, i) => NoLoginProfileAsync<GetLoginProfileResponse>(iam, i.UserName)),
        IamOperation.Writes(
            IamOperations.DeleteLoginProfile, Resources.User<DeleteLoginProfileRequest>(i => i.UserName),
            static (iam, i) => NoLoginProfileAsync<NoOutput>(iam, i.UserName)),
        IamOperation.Reads(
            IamOperations.ListMFADevices, Resources.User<ListMFADevicesRequest>(i => i.UserName),
            static (iam, i) => NoneAsync(iam, i.UserName, new ListMFADevicesResponse { MFADevices = [], IsTruncated = false })),
        IamOperation.Reads(
            IamOperations.ListVirtualMFADevices, Resources.Any,
            static (iam, i) => NoneAsync(iam, null, new ListVirtualMFADevicesResponse { VirtualMFADevices = [], IsTruncated = false })),
        IamOperation.Reads(
            IamOperations.ListSigningCertificates, Resources.User<ListSigningCertificatesRequest>(i => i.UserName),
            static (iam, i) => NoneAsync(iam, i.UserName, new ListSigningCertificatesResponse { Certificates = [], IsTruncated = false })),
        IamOperation.Reads(
            IamOperations.ListSSHPublicKeys, Resources.User<ListSSHPublicKeysRequest>(i => i.UserName),
            static (iam, i) => NoneAsync(iam, i.UserName, new ListSSHPublicKeysResponse { SSHPublicKeys = [], IsTruncated = false })),
        IamOperation.Reads(
            IamOperations.ListServiceSpecificCredentials, Resources.User<ListServiceSpecificCredentialsRequest>(i => i.UserName),
            static (iam, i) => NoneAsync(iam, i.UserName, new ListServiceSpecificCredentialsResponse { ServiceSpecificCredentials = [] })),
    ];

    private static async ValueTask<IamOutcome<TOutput>> NoLoginProfileAsync<TOutput>(IamContext iam, string? userName)
    {
        if (!(await Users.NamedOrCallerAsync(iam, userName)).TryGet(out var user, out var error)) return error;
        return IamError.NoSuchEntity($"Login Profile for User {user.Name} cannot be found.");
    }

    private static async ValueTask<IamOutcome<TOutput>> NoneAsync<TOutput>(IamContext iam, string? userName, TOutput nothing) =>
        userName is null || (await EntityRows.GetAsync(iam, IamKind.User, userName)).TryGet(out _, out var error) ? nothing : error;
}

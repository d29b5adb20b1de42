using Longshore.Core;
using Longshore.Core.Aws.Ecr;

namespace Longshore.Server.Ecr;

/// <summary>What repositories may ask of encryption at rest.</summary>
internal static class Encryption
{
    /// <summary>Why a configuration cannot be had, or null: AES256, without a key, or nothing at all.</summary>
    public static RegistryError? Refuse(string? type, string? kmsKey) => (type, kmsKey) switch
    {
        (null, _) or (EncryptionTypeValues.Aes256, null or "") => null,
        (EncryptionTypeValues.Aes256, _) => EcrErrors.InvalidParameter("encryptionConfiguration.kmsKey", "AES256 takes no key"),
        _ => EcrErrors.InvalidParameter(
            "encryptionConfiguration.encryptionType",
            $"This Longshore server does not offer {type} yet: leave encryptionConfiguration out, or give AES256, and encrypt the disk beneath"),
    };
}

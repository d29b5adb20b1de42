using System.Security.Cryptography;
using Longshore.Core;

namespace Longshore.Server.Access;

/// <summary>An access key of a root principal: its id and its secret.</summary>
internal sealed record RootCredentials
{
    private const string IdAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    private const string SecretAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    private RootCredentials(string accessKeyId, string secretAccessKey) => (AccessKeyId, SecretAccessKey) = (accessKeyId, secretAccessKey);

    /// <summary>The access key id: 16 to 128 letters, digits and underscores (IAM model, accessKeyIdType).</summary>
    public string AccessKeyId { get; }

    /// <summary>The secret: 16 to 128 visible ASCII characters.</summary>
    public string SecretAccessKey { get; }

    /// <summary>Whether the text can be an access key id.</summary>
    public static bool IsAccessKeyId(string? text)
    {
        if (text is not { Length: >= 16 and <= 128 }) return false;
        foreach (var c in text)
            if (!char.IsAsciiLetterOrDigit(c) && c != '_') return false;
        return true;
    }

    /// <summary>Checks a key that an operator gave. The error names no part of the secret.</summary>
    public static Outcome<RootCredentials> Parse(string? accessKeyId, string? secretAccessKey)
    {
        if (!IsAccessKeyId(accessKeyId))
            return new RegistryError(ErrorCode.InvalidParameter, "LONGSHORE_ROOT_ACCESS_KEY_ID must be 16 to 128 letters, digits and underscores.");
        if (secretAccessKey is not { Length: >= 16 and <= 128 } || secretAccessKey.AsSpan().ContainsAnyExceptInRange('!', '~'))
            return new RegistryError(ErrorCode.InvalidParameter, "LONGSHORE_ROOT_SECRET_ACCESS_KEY must be 16 to 128 visible ASCII characters without spaces.");
        return new RootCredentials(accessKeyId!, secretAccessKey);
    }

    /// <summary>Makes a new key in AWS's form: <c>AKIA</c> and 16 characters of base 32; a secret of 40 characters, 240 bits.</summary>
    public static RootCredentials Generate() =>
        new("AKIA" + RandomNumberGenerator.GetString(IdAlphabet, 16), RandomNumberGenerator.GetString(SecretAlphabet, 40));

    /// <inheritdoc/>
    public override string ToString() => AccessKeyId;
}

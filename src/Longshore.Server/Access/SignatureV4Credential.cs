using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Longshore.Core;

namespace Longshore.Server.Access;

/// <summary>The credential scope of a signature: whose key, and what day, region and service the derived key is good for.</summary>
/// <param name="AccessKeyId">The access key.</param>
/// <param name="Date">The day, <c>yyyyMMdd</c>.</param>
/// <param name="Region">The region.</param>
/// <param name="Service">The service, such as <c>ecr</c>.</param>
internal sealed record SignatureV4Credential(string AccessKeyId, string Date, string Region, string Service)
{
    /// <summary>The word that ends every scope.</summary>
    public const string Terminator = "aws4_request";

    /// <summary>Longest credential accepted, in characters: an access key may have 128 (IAM model, accessKeyIdType).</summary>
    public const int MaxLength = 256;

    /// <summary>The scope as the string to sign has it.</summary>
    public string Scope => $"{Date}/{Region}/{Service}/{Terminator}";

    /// <summary>Parses <c>keyid/date/region/service/aws4_request</c> and checks its form.</summary>
    public static bool TryParse(
        string text,
        [NotNullWhen(true)] out SignatureV4Credential? credential,
        [NotNullWhen(false)] out AuthenticationFailure? failure)
    {
        credential = null;
        failure = null;
        var parts = text.Length <= MaxLength ? text.Split('/') : [];
        if (parts.Length != 5)
        {
            failure = AuthenticationFailure.Incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.");
        }
        else if (parts[4] != Terminator)
        {
            failure = AuthenticationFailure.Invalid($"Credential should be scoped with a valid terminator: '{Terminator}'.");
        }
        else if (!DateOnly.TryParseExact(parts[1], "yyyyMMdd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _))
        {
            failure = AuthenticationFailure.Incomplete("Date in Credential scope must be of the form YYYYMMDD.");
        }
        else if (!RegistryId.IsRegion(parts[2]))
        {
            failure = AuthenticationFailure.Invalid("Credential should be scoped to a valid region.");
        }
        else if (!IsWord(parts[0]))
        {
            failure = AuthenticationFailure.UnknownKey;
        }
        else
        {
            credential = new SignatureV4Credential(parts[0], parts[1], parts[2], parts[3]);
        }

        return failure is null;
    }

    private static bool IsWord(string text)
    {
        foreach (var c in text)
            if (!char.IsAsciiLetterOrDigit(c) && c != '_') return false;
        return text.Length > 0;
    }
}

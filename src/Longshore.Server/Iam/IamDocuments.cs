using Longshore.Core.Policies;

namespace Longshore.Server.Iam;

/// <summary>Policy documents on their way in and out.</summary>
internal static class IamDocuments
{
    /// <summary>Null when a document can be used, else what is wrong with it, one line a fault.</summary>
    public static IamError? Check(string text, PolicyKind kind) =>
        PolicyDocument.Parse(text, kind).TryGet(out _, out var error) ? null : IamError.Malformed(error.Message);

    /// <summary>As the API tells documents: percent-encoded (RFC 3986).</summary>
    public static string Encode(string text) => Uri.EscapeDataString(text);

    /// <summary>How long a document counts: white space is free (IAM User Guide, "IAM object quotas").</summary>
    public static int Characters(string text) => text.Count(static c => !char.IsWhiteSpace(c));
}

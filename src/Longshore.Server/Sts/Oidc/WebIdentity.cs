using System.Text.Json;
using Longshore.Core.Policies;

namespace Longshore.Server.Sts.Oidc;

/// <summary>A web identity that was proved: what a provider says of somebody, for us and now.</summary>
/// <param name="Provider">The provider.</param>
/// <param name="Subject">Who.</param>
/// <param name="Audience">For whom the token was made: the <c>azp</c> of a token with several audiences.</param>
/// <param name="Conditions">The condition keys that its claims make: <c>ISSUER:sub</c> and so on.</param>
/// <param name="Claims">All claims.</param>
internal sealed record WebIdentity(OidcProvider Provider, string Subject, string Audience, ConditionValues Conditions, JsonElement Claims)
{
    private const string TagsClaim = "https://aws.amazon.com/tags";
    private const string SourceIdentityClaim = "https://aws.amazon.com/source_identity";

    /// <summary>The source identity that the provider gives (IAM User Guide, "Monitor and control actions taken with assumed roles"); null for none.</summary>
    public string? SourceIdentity => JsonWebToken.Text(Claims, SourceIdentityClaim);

    /// <summary>The session tags that the provider gives (IAM User Guide, "Pass session tags using AssumeRoleWithWebIdentity").</summary>
    public StsOutcome<SessionTags> ReadTags()
    {
        if (!Claims.TryGetProperty(TagsClaim, out var claim)) return SessionTags.None;
        var malformed = StsError.InvalidToken($"The claim '{TagsClaim}' is malformed.");
        if (claim.ValueKind != JsonValueKind.Object) return malformed;
        var tags = new List<(string, string)>();
        if (claim.TryGetProperty("principal_tags", out var given))
        {
            if (given.ValueKind != JsonValueKind.Object) return malformed;
            foreach (var tag in given.EnumerateObject())
            {
                // A list of one text, or the text itself.
                var value = tag.Value.ValueKind == JsonValueKind.Array && tag.Value.GetArrayLength() == 1 ? tag.Value[0] : tag.Value;
                if (value.ValueKind != JsonValueKind.String || !SessionTags.IsValid(tag.Name, value.GetString()!)) return malformed;
                tags.Add((tag.Name, value.GetString()!));
            }
        }

        var transitive = new List<string>();
        if (claim.TryGetProperty("transitive_tag_keys", out var keys))
        {
            if (keys.ValueKind != JsonValueKind.Array || keys.EnumerateArray().Any(static key => key.ValueKind != JsonValueKind.String)) return malformed;
            transitive.AddRange(keys.EnumerateArray().Select(static key => key.GetString()!));
        }

        return SessionTags.Combine(tags, transitive, null);
    }
}

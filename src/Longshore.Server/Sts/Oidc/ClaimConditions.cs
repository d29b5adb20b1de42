using System.Text.Json;
using Longshore.Core.Policies;

namespace Longshore.Server.Sts.Oidc;

/// <summary>
/// The condition keys that a token's claims make: <c>ISSUER:CLAIM</c> for texts, lists of texts and booleans; members of objects by their path,
/// <c>ISSUER:kubernetes.io/serviceaccount/name</c>. Keys compare without case, so claims that differ in case alone, or otherwise make the same key,
/// leave open which one a policy means: such a token is refused.
/// </summary>
internal static class ClaimConditions
{
    private const int MostKeys = 200;
    private const int MostValues = 100;
    private const int Depth = 4;

    /// <summary>The keys; null when two claims make the same one, or there are too many.</summary>
    /// <param name="issuer">The provider's URL without scheme.</param>
    /// <param name="claims">The claims.</param>
    /// <param name="audience">The value of <c>ISSUER:aud</c>.</param>
    public static ConditionValues? Read(string issuer, JsonElement claims, string audience)
    {
        var found = new Dictionary<string, IReadOnlyList<string>>(StringComparer.OrdinalIgnoreCase) { ["aud"] = [audience] };
        foreach (var claim in claims.EnumerateObject())
        {
            if (claim.Name == "aud") continue;
            if (!Add(found, claim.Name, claim.Value, Depth)) return null;
        }

        var conditions = new ConditionValues();
        foreach (var (name, values) in found) conditions.Add($"{issuer}:{name}", values);
        return conditions;
    }

    private static bool Add(Dictionary<string, IReadOnlyList<string>> found, string name, JsonElement value, int depth)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object when depth > 1:
                return value.EnumerateObject().All(member => Add(found, $"{name}/{member.Name}", member.Value, depth - 1));
            case JsonValueKind.String:
                return Set(found, name, [value.GetString()!]);
            case JsonValueKind.True or JsonValueKind.False:
                return Set(found, name, [value.ValueKind == JsonValueKind.True ? "true" : "false"]);
            case JsonValueKind.Array when value.GetArrayLength() is > 0 and <= MostValues && value.EnumerateArray().All(static item => item.ValueKind == JsonValueKind.String):
                return Set(found, name, [.. value.EnumerateArray().Select(static item => item.GetString()!)]);
            default:
                // Numbers, lists of other things and nulls make no key, but take their name all the same.
                return Set(found, name, []);
        }
    }

    private static bool Set(Dictionary<string, IReadOnlyList<string>> found, string name, string[] values) => found.Count < MostKeys && found.TryAdd(name, values);
}

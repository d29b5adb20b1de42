using System.Text.Json;

namespace Longshore.Core.Tests.Policies.BruteForce;

/// <summary>Whether a raw statement matches: true, false, or null when that cannot be decided.</summary>
internal static class BruteForceStatement
{
    public static bool? Matches(AccessScene scene, JsonElement document, JsonElement statement)
    {
        var variables = document.TryGetProperty("Version", out var version) && version.GetString() == "2012-10-17";
        return And([
            Principal(scene.Who, statement),
            Action(scene.Action, statement),
            Resource(scene, statement, variables),
            Condition(scene, statement, variables),
        ]);
    }

    /// <summary>One or a list of them.</summary>
    public static IEnumerable<JsonElement> ListOf(JsonElement element) =>
        element.ValueKind == JsonValueKind.Array ? element.EnumerateArray() : [element];

    /// <summary>Does the statement name the principal itself, and not only its account or everybody?</summary>
    public static bool NamesDirectly(Who who, JsonElement statement, bool roleCounts)
    {
        if (!statement.TryGetProperty("Principal", out var principal) || principal.ValueKind != JsonValueKind.Object) return false;
        if (!principal.TryGetProperty("AWS", out var entries)) return false;
        foreach (var entry in ListOf(entries))
        {
            var text = entry.GetString()!;
            if (who.Kind is "user" or "session" && text == who.Arn) return true;
            if (roleCounts && who.Kind == "session" && text == who.RoleArn) return true;
        }

        return false;
    }

    public static bool? And(IEnumerable<bool?> parts)
    {
        bool? all = true;
        foreach (var part in parts)
        {
            if (part == false) return false;
            if (part is null) all = null;
        }

        return all;
    }

    public static bool? Or(IEnumerable<bool?> parts)
    {
        bool? any = false;
        foreach (var part in parts)
        {
            if (part == true) return true;
            if (part is null) any = null;
        }

        return any;
    }

    private static bool? Principal(Who who, JsonElement statement)
    {
        if (statement.TryGetProperty("Principal", out var principal)) return Somebody(who, principal);
        if (statement.TryGetProperty("NotPrincipal", out var not)) return !Somebody(who, not);
        return true;
    }

    private static bool Somebody(Who who, JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.String) return element.GetString() == "*";
        foreach (var kind in element.EnumerateObject())
            foreach (var entry in ListOf(kind.Value))
                if (Entry(who, kind.Name, entry.GetString()!)) return true;
        return false;
    }

    private static bool Entry(Who who, string kind, string entry)
    {
        if (kind == "Federated") return who.Kind == "web" && who.Provider == entry;
        if (kind == "Service") return who.Kind == "service" && who.Provider == entry;
        if (entry == "*") return true;
        // Somebody whom a foreign provider or a service vouches for is no principal of an account.
        if (who.Kind is not ("root" or "user" or "session")) return false;
        if (entry == who.Account || entry == $"arn:aws:iam::{who.Account}:root") return true;
        if (entry == who.Arn) return true;
        return who.Kind == "session" && entry == who.RoleArn;
    }

    private static bool? Action(string action, JsonElement statement)
    {
        if (statement.TryGetProperty("Action", out var wanted)) return AnyAction(action, wanted);
        return !AnyAction(action, statement.GetProperty("NotAction"));
    }

    private static bool AnyAction(string action, JsonElement element)
    {
        foreach (var pattern in ListOf(element))
            if (BruteForcePattern.Wild(BruteForcePattern.Plain(pattern.GetString()!.ToLowerInvariant()), action.ToLowerInvariant())) return true;
        return false;
    }

    private static bool? Resource(AccessScene scene, JsonElement statement, bool variables)
    {
        if (statement.TryGetProperty("Resource", out var wanted)) return AnyResource(scene, wanted, variables);
        if (statement.TryGetProperty("NotResource", out var not)) return !AnyResource(scene, not, variables);
        return true;
    }

    private static bool? AnyResource(AccessScene scene, JsonElement element, bool variables)
    {
        var each = new List<bool?>();
        foreach (var entry in ListOf(element))
        {
            var text = entry.GetString()!;
            if (text == "*")
            {
                each.Add(true);
                continue;
            }

            var pattern = BruteForcePattern.Read(text, variables, scene.Context);
            each.Add(pattern is null ? null : BruteForcePattern.Arn(pattern, scene.Resource));
        }

        return Or(each);
    }

    private static bool? Condition(AccessScene scene, JsonElement statement, bool variables)
    {
        if (!statement.TryGetProperty("Condition", out var condition)) return true;
        var each = new List<bool?>();
        foreach (var block in condition.EnumerateObject())
            foreach (var key in block.Value.EnumerateObject())
                each.Add(BruteForceCondition.Holds(block.Name, key.Name, [.. ListOf(key.Value)], scene.Context, variables));
        return And(each);
    }
}

using System.Text.Json;

namespace Longshore.Core.Tests.Policies.BruteForce;

/// <summary>
/// Decides access from the raw documents, one question at a time, without any shape of its own: an independent reading of
/// AWS's policy evaluation. Slow on purpose; it shares nothing with the product.
/// </summary>
public static class BruteForceAccess
{
    /// <summary>A request to a repository, a registry or anything else that has a resource.</summary>
    public static Verdict Decide(AccessScene scene)
    {
        var own = scene.Who.Kind == "root" && scene.Who.Account == scene.ResourceAccount;
        if (own) return Denies(scene, scene.ResourcePolicies) ? Verdict.ExplicitDeny : Verdict.Allowed;
        if (Denies(scene, scene.Identity) || Denies(scene, scene.Boundary) || Denies(scene, scene.Session) || Denies(scene, scene.ResourcePolicies))
            return Verdict.ExplicitDeny;

        var identity = scene.Who.Kind == "root" || (Allows(scene, scene.Identity) && WithinLimits(scene));
        bool allowed;
        if (scene.Who.Account == scene.ResourceAccount)
        {
            allowed = identity
                || AllowsByName(scene, scene.ResourcePolicies, roleCounts: false)
                || (Allows(scene, scene.ResourcePolicies) && WithinLimits(scene));
        }
        else
        {
            allowed = identity && Allows(scene, scene.ResourcePolicies);
        }

        return allowed ? Verdict.Allowed : Verdict.ImplicitDeny;
    }

    /// <summary>A request to assume a role, whose trust policy is the resource's.</summary>
    public static Verdict DecideTrust(AccessScene scene)
    {
        if (Denies(scene, scene.Trust) || Denies(scene, scene.Identity) || Denies(scene, scene.Boundary) || Denies(scene, scene.Session))
            return Verdict.ExplicitDeny;
        if (!Allows(scene, scene.Trust)) return Verdict.ImplicitDeny;
        if (scene.Who.Kind is "web" or "service") return Verdict.Allowed;

        bool allowed;
        if (scene.Who.Account != scene.ResourceAccount)
            allowed = scene.Who.Kind == "root" || (Allows(scene, scene.Identity) && WithinLimits(scene));
        else if (scene.Who.Kind == "root")
            allowed = true;
        else
            // The role's ARN stands for its identity policies, not for the limits of the session (AWS: "IAM role principals").
            allowed = AllowsByName(scene, scene.Trust, roleCounts: false)
                || ((AllowsByName(scene, scene.Trust, roleCounts: true) || Allows(scene, scene.Identity)) && WithinLimits(scene));
        return allowed ? Verdict.Allowed : Verdict.ImplicitDeny;
    }

    /// <summary>The statements with this effect that apply, as "policy[index]".</summary>
    public static IReadOnlyList<string> Applying(AccessScene scene, string effect)
    {
        var found = new List<string>();
        foreach (var policy in scene.All())
        {
            if (!TryRead(policy.Text, out var document)) continue;
            using (document)
            {
                var index = 0;
                foreach (var statement in BruteForceStatement.ListOf(document.RootElement.GetProperty("Statement")))
                {
                    if (statement.GetProperty("Effect").GetString() == effect && Applies(scene, document.RootElement, statement))
                        found.Add($"{policy.Name}[{index}]");
                    index++;
                }
            }
        }

        return found;
    }

    private static bool WithinLimits(AccessScene scene) =>
        (scene.Boundary is null || Allows(scene, scene.Boundary)) && (scene.Session is null || Allows(scene, scene.Session));

    private static bool Denies(AccessScene scene, IReadOnlyList<SceneText>? policies)
    {
        foreach (var policy in policies ?? [])
        {
            // What cannot be read denies.
            if (!TryRead(policy.Text, out var document)) return true;
            using (document)
            {
                foreach (var statement in BruteForceStatement.ListOf(document.RootElement.GetProperty("Statement")))
                    if (statement.GetProperty("Effect").GetString() == "Deny" && Applies(scene, document.RootElement, statement)) return true;
            }
        }

        return false;
    }

    private static bool Allows(AccessScene scene, IReadOnlyList<SceneText>? policies)
    {
        foreach (var policy in policies ?? [])
        {
            if (!TryRead(policy.Text, out var document)) continue;
            using (document)
            {
                foreach (var statement in BruteForceStatement.ListOf(document.RootElement.GetProperty("Statement")))
                    if (statement.GetProperty("Effect").GetString() == "Allow" && Applies(scene, document.RootElement, statement)) return true;
            }
        }

        return false;
    }

    private static bool AllowsByName(AccessScene scene, IReadOnlyList<SceneText> policies, bool roleCounts)
    {
        foreach (var policy in policies)
        {
            if (!TryRead(policy.Text, out var document)) continue;
            using (document)
            {
                foreach (var statement in BruteForceStatement.ListOf(document.RootElement.GetProperty("Statement")))
                    if (statement.GetProperty("Effect").GetString() == "Allow" && Applies(scene, document.RootElement, statement)
                        && BruteForceStatement.NamesDirectly(scene.Who, statement, roleCounts)) return true;
            }
        }

        return false;
    }

    // An Allow needs everything surely true; a Deny applies unless something is surely false.
    private static bool Applies(AccessScene scene, JsonElement document, JsonElement statement)
    {
        var matches = BruteForceStatement.Matches(scene, document, statement);
        return statement.GetProperty("Effect").GetString() == "Allow" ? matches == true : matches != false;
    }

    private static bool TryRead(string text, out JsonDocument document)
    {
        try
        {
            document = JsonDocument.Parse(text);
            return true;
        }
        catch (JsonException)
        {
            document = null!;
            return false;
        }
    }
}

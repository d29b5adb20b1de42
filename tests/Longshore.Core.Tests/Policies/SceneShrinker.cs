using System.Text.Json.Nodes;
using Longshore.Core.Tests.Policies.BruteForce;

namespace Longshore.Core.Tests.Policies;

/// <summary>Smaller scenes of the same shape, so that a disagreement is shown by the least that shows it.</summary>
internal static class SceneShrinker
{
    public static IEnumerable<AccessScene> Smaller(AccessScene scene)
    {
        foreach (var list in Without(scene.Identity)) yield return scene with { Identity = list };
        foreach (var list in Without(scene.ResourcePolicies)) yield return scene with { ResourcePolicies = list };
        if (scene.Boundary is not null) yield return scene with { Boundary = null };
        if (scene.Session is not null) yield return scene with { Session = null };
        foreach (var key in scene.Context.Keys)
            yield return scene with { Context = scene.Context.Where(c => c.Key != key).ToDictionary(StringComparer.OrdinalIgnoreCase) };
        foreach (var list in Simpler(scene.Identity)) yield return scene with { Identity = list };
        foreach (var list in Simpler(scene.ResourcePolicies)) yield return scene with { ResourcePolicies = list };
        foreach (var list in Simpler(scene.Trust)) yield return scene with { Trust = list };
        foreach (var list in Simpler(scene.Boundary ?? [])) yield return scene with { Boundary = list };
        foreach (var list in Simpler(scene.Session ?? [])) yield return scene with { Session = list };
    }

    private static IEnumerable<SceneText[]> Without(IReadOnlyList<SceneText> policies)
    {
        for (var i = 0; i < policies.Count; i++) yield return [.. policies.Where((_, at) => at != i)];
    }

    private static IEnumerable<SceneText[]> Simpler(IReadOnlyList<SceneText> policies)
    {
        for (var i = 0; i < policies.Count; i++)
        {
            foreach (var text in Simpler(policies[i].Text))
                yield return [.. policies.Select((policy, at) => at == i ? policy with { Text = text } : policy)];
        }
    }

    // One statement less, one condition less, one value of a list less.
    private static IEnumerable<string> Simpler(string text)
    {
        var count = Cuts(JsonNode.Parse(text)!).Count;
        for (var i = 0; i < count; i++)
        {
            var copy = JsonNode.Parse(text)!;
            Cuts(copy)[i]();
            yield return copy.ToJsonString();
        }
    }

    private static List<Action> Cuts(JsonNode document)
    {
        var cuts = new List<Action>();
        if (document["Id"] is not null) cuts.Add(() => document.AsObject().Remove("Id"));
        var statements = document["Statement"] as JsonArray;
        if (statements is { Count: > 1 }) AddEach(cuts, statements);
        foreach (var statement in statements?.Select(static s => s!.AsObject()) ?? [document["Statement"]!.AsObject()])
        {
            if (statement["Sid"] is not null) cuts.Add(() => statement.Remove("Sid"));
            foreach (var member in statement.ToArray())
                if (member.Value is JsonArray { Count: > 1 } list) AddEach(cuts, list);
            if (statement["Condition"] is not JsonObject condition) continue;
            cuts.Add(() => statement.Remove("Condition"));
            foreach (var block in condition.ToArray())
            {
                if (condition.Count > 1) cuts.Add(() => condition.Remove(block.Key));
                foreach (var key in block.Value!.AsObject().ToArray())
                {
                    if (block.Value.AsObject().Count > 1) cuts.Add(() => block.Value.AsObject().Remove(key.Key));
                    if (key.Value is JsonArray { Count: > 1 } values) AddEach(cuts, values);
                }
            }
        }

        return cuts;
    }

    private static void AddEach(List<Action> cuts, JsonArray list)
    {
        for (var i = 0; i < list.Count; i++)
        {
            var at = i;
            cuts.Add(() => list.RemoveAt(at));
        }
    }
}

namespace Longshore.Core.Tests.Policies.BruteForce;

/// <summary>What the brute-force evaluator answers.</summary>
public enum Verdict
{
    Allowed,
    ExplicitDeny,
    ImplicitDeny,
}

/// <summary>Who asks, in the words of the language only.</summary>
/// <param name="Kind">anonymous, root, user, session, web or service.</param>
/// <param name="Account">The account; empty for the anonymous.</param>
/// <param name="Arn">The principal's own ARN (of a session: its assumed-role ARN).</param>
/// <param name="RoleArn">Of a session: the role's ARN.</param>
/// <param name="Provider">Of a web identity: the provider's ARN; of a service: its name.</param>
public sealed record Who(string Kind, string Account, string Arn, string? RoleArn = null, string? Provider = null);

/// <summary>A policy of a scene: its kind (repository, registry, …), its name, and the raw text.</summary>
public sealed record SceneText(string Kind, string Name, string Text);

/// <summary>A question with all that applies to it. Null boundary and session: none is set.</summary>
public sealed record AccessScene(Who Who, string Action, string Resource, string ResourceAccount)
{
    public IReadOnlyDictionary<string, string[]> Context { get; init; } = new Dictionary<string, string[]>();

    public IReadOnlyList<SceneText> Identity { get; init; } = [];

    public IReadOnlyList<SceneText>? Boundary { get; init; }

    public IReadOnlyList<SceneText>? Session { get; init; }

    public IReadOnlyList<SceneText> ResourcePolicies { get; init; } = [];

    public IReadOnlyList<SceneText> Trust { get; init; } = [];

    public override string ToString()
    {
        var lines = new List<string>
        {
            $"{Who} asks for {Action} on {Resource} of {ResourceAccount}",
            "with " + string.Join(", ", Context.Select(static c => $"{c.Key} = [{string.Join(" | ", c.Value)}]")),
        };
        foreach (var text in All()) lines.Add($"{text.Kind} {text.Name}: {text.Text}");
        if (Boundary is null) lines.Add("no boundary");
        if (Session is null) lines.Add("no session policy");
        return string.Join('\n', lines);
    }

    /// <summary>Every policy of the scene.</summary>
    public IEnumerable<SceneText> All() => [.. Identity, .. Boundary ?? [], .. Session ?? [], .. ResourcePolicies, .. Trust];
}

using System.Collections.Concurrent;

namespace Longshore.Core.Policies;

/// <summary>Policies that count together, such as all identity policies of a user. Immutable but for what it remembers.</summary>
public sealed class PolicySet
{
    // Requests ask about a few dozen actions; simulations may ask about any.
    private const int RememberedActions = 128;

    private readonly ConcurrentDictionary<string, Candidate[]> byAction = new(StringComparer.Ordinal);
    private readonly AttachedPolicy? unreadable;

    /// <summary>Creates a set.</summary>
    public PolicySet(IEnumerable<AttachedPolicy> policies)
    {
        Policies = [.. policies];
        unreadable = Policies.FirstOrDefault(static p => p.Document is null);
    }

    /// <summary>No policies.</summary>
    public static PolicySet Empty { get; } = new([]);

    /// <summary>The policies in their order.</summary>
    public IReadOnlyList<AttachedPolicy> Policies { get; }

    /// <summary>The first denial and the best permission that the set has for a request.</summary>
    internal PolicyVerdict Judge(in AccessQuery query)
    {
        if (unreadable is not null && unreadable.IsAbout(query.Action)) return new PolicyVerdict(new Finding(unreadable, null, PrincipalMatch.Direct), null);
        if (Policies.Count == 0) return default;
        Finding? deny = null, allow = null;
        var tail = PolicyPattern.TailOf(query.Resource);
        foreach (var (policy, statement) in About(query.Action))
        {
            var match = statement.Principals?.Matches(query.Principal) ?? PrincipalMatch.Direct;
            if (match == PrincipalMatch.None) continue;
            if (statement.Effect == PolicyEffect.Deny)
            {
                if (statement.Fits(query, tail) == Ternary.False) continue;
                deny = new Finding(policy, statement, match);
                break;
            }

            if (allow is { } known && known.Match >= match) continue;
            if (statement.Fits(query, tail) == Ternary.True) allow = new Finding(policy, statement, match);
        }

        return new PolicyVerdict(deny, allow);
    }

    private Candidate[] About(string action)
    {
        if (byAction.TryGetValue(action, out var known)) return known;
        // Denials first: the first one that applies ends the search.
        Candidate[] found =
        [
            .. Policies
                .Where(policy => policy.Document is not null && policy.IsAbout(action))
                .SelectMany(static policy => policy.Document!.Statements.Select(statement => new Candidate(policy, statement)))
                .Where(candidate => candidate.Statement.IsAbout(action))
                .OrderBy(static candidate => candidate.Statement.Effect == PolicyEffect.Deny ? 0 : 1),
        ];
        if (byAction.Count < RememberedActions) byAction[action] = found;
        return found;
    }

    private readonly record struct Candidate(AttachedPolicy Policy, PolicyStatement Statement);
}

/// <summary>A statement that applies.</summary>
internal readonly record struct Finding(AttachedPolicy Policy, PolicyStatement? Statement, PrincipalMatch Match);

/// <summary>What a set of policies says about a request.</summary>
internal readonly record struct PolicyVerdict(Finding? Deny, Finding? Allow);

/// <summary>Everything that has a say in a request.</summary>
public sealed record ApplicablePolicies
{
    /// <summary>Nothing at all.</summary>
    public static ApplicablePolicies None { get; } = new();

    /// <summary>The caller's own policies and those of its groups; for a session those of its role.</summary>
    public PolicySet Identity { get; init; } = PolicySet.Empty;

    /// <summary>The permissions boundary; null when there is none.</summary>
    public PolicySet? Boundary { get; init; }

    /// <summary>The policies of the session; null when it has none.</summary>
    public PolicySet? Session { get; init; }

    /// <summary>The policies of the repository and of the registry.</summary>
    public PolicySet Resource { get; init; } = PolicySet.Empty;
}

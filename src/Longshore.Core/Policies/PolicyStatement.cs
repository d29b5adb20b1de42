namespace Longshore.Core.Policies;

/// <summary>A place in a policy's text.</summary>
/// <param name="Line">Counted from 1.</param>
/// <param name="Column">Counted from 1, in bytes of UTF-8.</param>
public readonly record struct PolicyPosition(int Line, int Column);

/// <summary>One statement of a policy.</summary>
public sealed class PolicyStatement
{
    internal PolicyStatement(
        int index, string? sid, PolicyEffect effect, PolicyPrincipals? principals, PolicyPatterns actions, PolicyPatterns? resources, IReadOnlyList<PolicyCondition> conditions)
    {
        (Index, Sid, Effect, Principals, Actions, Resources, Conditions) = (index, sid, effect, principals, actions, resources, conditions);
    }

    /// <summary>Its place in the document, from 0.</summary>
    public int Index { get; }

    /// <summary>Its id, free-form; null when it has none.</summary>
    public string? Sid { get; }

    /// <summary>What it says.</summary>
    public PolicyEffect Effect { get; }

    /// <summary>Where it begins in the text.</summary>
    public PolicyPosition Start { get; internal set; }

    /// <summary>Where it ends in the text.</summary>
    public PolicyPosition End { get; internal set; }

    /// <summary>The condition keys that it looks at, those of variables among them.</summary>
    public IEnumerable<string> ConditionKeys =>
        Conditions.Select(static c => c.Key).Concat(Conditions.SelectMany(static c => c.Variables)).Concat(Resources?.Variables ?? []).Distinct(StringComparer.OrdinalIgnoreCase);

    /// <summary>How people tell it from others: its Sid, else its number.</summary>
    public string Label => string.IsNullOrEmpty(Sid) ? $"statement {Index + 1}" : $"statement '{Sid}'";

    /// <summary>The actions as written.</summary>
    public IReadOnlyList<string> ActionTexts => Actions.Texts;

    /// <summary>Whether the actions are those that it is not about.</summary>
    public bool IsNotAction => Actions.Negated;

    /// <summary>The resources as written; empty when it names none.</summary>
    public IReadOnlyList<string> ResourceTexts => Resources?.Texts ?? [];

    /// <summary>Whether the resources are those that it is not about.</summary>
    public bool IsNotResource => Resources?.Negated ?? false;

    /// <summary>Whether it has conditions.</summary>
    public bool IsConditional => Conditions.Count > 0;

    /// <summary>Whether it is for anybody.</summary>
    public bool NamesEveryone => Principals is { NamesEveryone: true };

    internal PolicyPrincipals? Principals { get; }

    internal PolicyPatterns Actions { get; }

    internal PolicyPatterns? Resources { get; }

    internal IReadOnlyList<PolicyCondition> Conditions { get; }

    /// <summary>Whether it is about an action; never unknown, since actions have no variables.</summary>
    internal bool IsAbout(string action) => Actions.MatchesAction(action);

    /// <summary>Whether resource and conditions of a request are those of the statement.</summary>
    internal Ternary Fits(in AccessQuery query, int tail)
    {
        var fits = Resources?.MatchesArn(query.Resource, tail, query.Context) ?? Ternary.True;
        for (var i = 0; i < Conditions.Count && fits != Ternary.False; i++) fits = TernaryLogic.And(fits, Conditions[i].Holds(query.Context));
        return fits;
    }
}

/// <summary>Action or NotAction, Resource or NotResource: patterns of which one must match, or none.</summary>
internal sealed class PolicyPatterns(bool negated, IReadOnlyList<PolicyPattern> patterns)
{
    public bool Negated => negated;

    public IReadOnlyList<string> Texts { get; } = [.. patterns.Select(static p => p.Text)];

    public IEnumerable<string> Variables => patterns.SelectMany(static p => p.Variables);

    public bool MatchesAction(string action)
    {
        foreach (var pattern in patterns)
            if (pattern.Matches(action, ConditionValues.Empty, ignoreCase: true) == Ternary.True) return !negated;
        return negated;
    }

    public Ternary MatchesArn(string arn, int tail, IConditionContext context)
    {
        var any = Ternary.False;
        for (var i = 0; i < patterns.Count && any != Ternary.True; i++) any = TernaryLogic.Or(any, patterns[i].MatchesArn(arn, tail, context));
        return negated ? any.Not() : any;
    }
}

namespace Longshore.Core.Policies;

/// <summary>How a condition treats keys with several values.</summary>
internal enum SetQualifier
{
    /// <summary>The key must have one value.</summary>
    None,

    /// <summary><c>ForAllValues:</c>.</summary>
    ForAllValues,

    /// <summary><c>ForAnyValue:</c>.</summary>
    ForAnyValue,
}

/// <summary>One key of one operator in the Condition of a statement.</summary>
/// <param name="Operator">The operator.</param>
/// <param name="Qualifier">For keys with several values.</param>
/// <param name="IfExists">Whether a missing key is good.</param>
/// <param name="Key">The key.</param>
/// <param name="Values">The policy's values, any of which will do.</param>
/// <param name="Variables">The keys of the variables in the values.</param>
internal sealed record PolicyCondition(
    ConditionOperator Operator, SetQualifier Qualifier, bool IfExists, string Key, IReadOnlyList<ValueMatch> Values, IReadOnlyList<string> Variables)
{
    /// <summary>Whether the condition holds.</summary>
    public Ternary Holds(IConditionContext context)
    {
        var given = context.Find(Key);
        if (given is { Count: 0 }) given = null;
        if (ReferenceEquals(Operator, ConditionOperator.Null)) return MatchesAny(given is null ? "true" : "false", context);
        if (given is null)
        {
            if (IfExists) return Ternary.True;
            return TernaryLogic.Of(Qualifier switch
            {
                SetQualifier.ForAllValues => true,
                SetQualifier.ForAnyValue => false,
                _ => Operator.Negated,
            });
        }

        switch (Qualifier)
        {
            case SetQualifier.ForAllValues:
                var all = Ternary.True;
                for (var i = 0; i < given.Count && all != Ternary.False; i++) all = TernaryLogic.And(all, HoldsFor(given[i], context));
                return all;
            case SetQualifier.ForAnyValue:
                var any = Ternary.False;
                for (var i = 0; i < given.Count && any != Ternary.True; i++) any = TernaryLogic.Or(any, HoldsFor(given[i], context));
                return any;
            default:
                // What a condition on one value says about several is anybody's guess.
                return given.Count == 1 ? HoldsFor(given[0], context) : Ternary.Unknown;
        }
    }

    private Ternary HoldsFor(string value, IConditionContext context)
    {
        var matched = MatchesAny(value, context);
        return Operator.Negated ? matched.Not() : matched;
    }

    private Ternary MatchesAny(string value, IConditionContext context)
    {
        var any = Ternary.False;
        for (var i = 0; i < Values.Count && any != Ternary.True; i++) any = TernaryLogic.Or(any, Values[i](value, context));
        return any;
    }
}

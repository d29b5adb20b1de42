namespace Longshore.Core.Policies;

/// <summary>
/// The truth of a part of a statement. What cannot be decided never helps the caller: an Allow needs all its parts true, a Deny applies
/// unless a part is surely false. In this order, so that AND is the smallest and OR the greatest.
/// </summary>
internal enum Ternary
{
    /// <summary>Surely not.</summary>
    False,

    /// <summary>Cannot be told.</summary>
    Unknown,

    /// <summary>Surely.</summary>
    True,
}

internal static class TernaryLogic
{
    public static Ternary Of(bool value) => value ? Ternary.True : Ternary.False;

    public static Ternary Not(this Ternary value) => Ternary.True - (int)value;

    public static Ternary And(Ternary a, Ternary b) => a < b ? a : b;

    public static Ternary Or(Ternary a, Ternary b) => a > b ? a : b;
}

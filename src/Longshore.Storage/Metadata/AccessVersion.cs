namespace Longshore.Storage.Metadata;

/// <summary>
/// The state of everything that decides about access: principals, keys, policies, providers, resource tags. Whoever changes any of it
/// calls <see cref="Bump"/> after the commit; what was concluded from it is good while <see cref="Current"/> is the same object.
/// </summary>
public sealed class AccessVersion
{
    private volatile object current = new();

    /// <summary>Another object after every change.</summary>
    public object Current => current;

    /// <summary>Says that something was changed.</summary>
    public void Bump() => current = new();
}

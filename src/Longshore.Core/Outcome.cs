using System.Diagnostics.CodeAnalysis;

namespace Longshore.Core;

/// <summary>
/// The result of an operation that can fail in an expected way: either a value or a <see cref="RegistryError"/>.
/// Exceptions are left for bugs and broken infrastructure.
/// </summary>
public readonly struct Outcome<T>
{
    private readonly T? value;

    private Outcome(T? value, RegistryError? error)
    {
        this.value = value;
        Error = error;
    }

    /// <summary>The error, or null when the operation succeeded.</summary>
    public RegistryError? Error { get; }

    /// <summary>True when there is a value.</summary>
    [MemberNotNullWhen(false, nameof(Error))]
    public bool Succeeded => Error is null;

    /// <summary>The value. Throws when the operation failed: look at <see cref="Succeeded"/> first.</summary>
    public T Value => Error is null ? value! : throw new InvalidOperationException($"No value: {Error}");

    /// <summary>A success, for types that have no implicit conversion (interfaces).</summary>
    [SuppressMessage("Design", "CA1000", Justification = "The type argument is what is being said.")]
    public static Outcome<T> Of(T value) => new(value, null);

    /// <summary>Takes the outcome apart: true and the value, or false and the error.</summary>
    public bool TryGet([MaybeNullWhen(false)] out T result, [NotNullWhen(false)] out RegistryError? error)
    {
        result = value;
        error = Error;
        return error is null;
    }

    [SuppressMessage("Usage", "CA2225", Justification = "Of is the named alternative.")]
    public static implicit operator Outcome<T>(T value) => new(value, null);

    [SuppressMessage("Usage", "CA2225", Justification = "An error is an outcome as it stands.")]
    public static implicit operator Outcome<T>(RegistryError error) => new(default, error);
}

/// <summary>The value of an operation that has nothing to tell but that it succeeded.</summary>
public readonly record struct Done
{
    /// <summary>The only value.</summary>
    public static Done Value => default;
}

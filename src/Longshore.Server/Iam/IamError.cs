using System.Diagnostics.CodeAnalysis;
using Longshore.Core.Aws;
using Longshore.Core.Aws.Iam;

namespace Longshore.Server.Iam;

/// <summary>An expected failure of IAM, in the words of its API. IAM has errors that no registry has, and no other face answers with them.</summary>
/// <param name="Shape">The error.</param>
/// <param name="Message">The sentence for people; never holds a secret.</param>
internal sealed record IamError(AwsErrorShape Shape, string Message)
{
    private static readonly AwsErrorShape ValidationShape = new("ValidationError", "ValidationError", StatusCodes.Status400BadRequest, false);
    private static readonly AwsErrorShape DeniedShape = new("AccessDenied", "AccessDenied", StatusCodes.Status403Forbidden, false);

    /// <summary>What is named is not there.</summary>
    public static IamError NoSuchEntity(string message) => new(IamErrorShapes.NoSuchEntityException, message);

    /// <summary>No user, group or role of that name.</summary>
    public static IamError NoSuch(IamKind kind, string name) => NoSuchEntity($"The {kind.Word()} with name {name} cannot be found.");

    /// <summary>The name is taken.</summary>
    public static IamError AlreadyExists(string message) => new(IamErrorShapes.EntityAlreadyExistsException, message);

    /// <summary>Something is still attached to what should go.</summary>
    public static IamError DeleteConflict(string message) => new(IamErrorShapes.DeleteConflictException, message);

    /// <summary>A quota is reached.</summary>
    public static IamError LimitExceeded(string message) => new(IamErrorShapes.LimitExceededException, message);

    /// <summary>A quota of IAM by its name.</summary>
    public static IamError Quota(string name, int limit) => LimitExceeded($"Cannot exceed quota for {name}: {limit}");

    /// <summary>A policy document says nothing that can be used.</summary>
    public static IamError Malformed(string message) => new(IamErrorShapes.MalformedPolicyDocumentException, message);

    /// <summary>An input contradicts another or itself.</summary>
    public static IamError Invalid(string message) => new(IamErrorShapes.InvalidInputException, message);

    /// <summary>An input breaks its constraints.</summary>
    public static IamError Validation(string message) => new(ValidationShape, message);

    /// <summary>The gate said no.</summary>
    public static IamError Denied(string message) => new(DeniedShape, message);
}

/// <summary>What comes of an operation of IAM: a value or an <see cref="IamError"/>.</summary>
internal readonly struct IamOutcome<T>
{
    private readonly T? value;

    private IamOutcome(T? value, IamError? error) => (this.value, Error) = (value, error);

    /// <summary>The error, or null.</summary>
    public IamError? Error { get; }

    /// <summary>Takes it apart.</summary>
    public bool TryGet([MaybeNullWhen(false)] out T result, [NotNullWhen(false)] out IamError? error)
    {
        (result, error) = (value, Error);
        return error is null;
    }

    public static implicit operator IamOutcome<T>(T value) => new(value, null);

    public static implicit operator IamOutcome<T>(IamError error) => new(default, error);
}

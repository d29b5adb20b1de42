using System.Diagnostics.CodeAnalysis;
using Longshore.Core.Aws;
using Longshore.Core.Aws.Sts;

namespace Longshore.Server.Sts;

/// <summary>An expected failure of STS, in the words of its API. STS has errors that no registry has, and no other face answers with them.</summary>
/// <param name="Shape">The error.</param>
/// <param name="Message">The sentence for people; never holds a token or a secret.</param>
internal sealed record StsError(AwsErrorShape Shape, string Message)
{
    private static readonly AwsErrorShape ValidationShape = Common("ValidationError", StatusCodes.Status400BadRequest);
    private static readonly AwsErrorShape MalformedShape = Common("MalformedInput", StatusCodes.Status400BadRequest);
    private static readonly AwsErrorShape ValueShape = Common("InvalidParameterValue", StatusCodes.Status400BadRequest);
    private static readonly AwsErrorShape DeniedShape = Common("AccessDenied", StatusCodes.Status403Forbidden);

    /// <summary>A number or a list cannot be read.</summary>
    public static StsError MalformedInput(string message) => new(MalformedShape, message);

    /// <summary>An input breaks its constraints.</summary>
    public static StsError Validation(string message) => new(ValidationShape, message);

    /// <summary>Tags contradict each other or what the session has.</summary>
    public static StsError Value(string message) => new(ValueShape, message);

    /// <summary>The caller may not do this.</summary>
    public static StsError Denied(string message) => new(DeniedShape, message);

    /// <summary>A session policy says nothing that can be used.</summary>
    public static StsError MalformedPolicy(string message) => new(StsErrorShapes.MalformedPolicyDocumentException, message);

    /// <summary>Session policies and tags are too large together.</summary>
    public static StsError PackedTooLarge(string message) => new(StsErrorShapes.PackedPolicyTooLargeException, message);

    /// <summary>A web identity token is not one that the provider gave, or not for us.</summary>
    public static StsError InvalidToken(string message) => new(StsErrorShapes.InvalidIdentityTokenException, message);

    /// <summary>A web identity token has ended.</summary>
    public static StsError ExpiredToken(string message) => new(StsErrorShapes.ExpiredTokenException, message);

    /// <summary>A web identity token is the provider's, and says of itself that it cannot be used.</summary>
    public static StsError RejectedClaim(string message) => new(StsErrorShapes.IDPRejectedClaimException, message);

    /// <summary>The provider cannot be asked for its keys.</summary>
    public static StsError Communication(string message) => new(StsErrorShapes.IDPCommunicationErrorException, message);

    private static AwsErrorShape Common(string code, int status) => new(code, code, status, false);
}

/// <summary>What comes of an operation of STS: a value or an <see cref="StsError"/>.</summary>
internal readonly struct StsOutcome<T>
{
    private readonly T? value;

    private StsOutcome(T? value, StsError? error) => (this.value, Error) = (value, error);

    /// <summary>The error, or null.</summary>
    public StsError? Error { get; }

    /// <summary>Takes it apart.</summary>
    public bool TryGet([MaybeNullWhen(false)] out T result, [NotNullWhen(false)] out StsError? error)
    {
        (result, error) = (value, Error);
        return error is null;
    }

    /// <summary>A success, for types that have no implicit conversion (interfaces).</summary>
    public static StsOutcome<T> Of(T value) => new(value, null);

    public static implicit operator StsOutcome<T>(T value) => new(value, null);

    public static implicit operator StsOutcome<T>(StsError error) => new(default, error);
}

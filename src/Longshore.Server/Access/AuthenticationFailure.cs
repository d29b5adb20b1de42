namespace Longshore.Server.Access;

/// <summary>Why a signed AWS request was not accepted.</summary>
internal enum AuthenticationError
{
    /// <summary>The request carries no signature at all.</summary>
    MissingToken,

    /// <summary>The signature's parts are missing, malformed or repeated.</summary>
    IncompleteSignature,

    /// <summary>The access key is unknown or disabled, or the session token is not one of ours.</summary>
    UnknownAccessKey,

    /// <summary>The signature is not that of this request, or not of this time, region or service.</summary>
    InvalidSignature,

    /// <summary>The session token was good until its end.</summary>
    ExpiredToken,
}

/// <summary>
/// A signed AWS request that was not accepted, in terms that both AWS protocols can render. The JSON services (ECR) answer
/// 400 for all of them, as their SDK logs show; the query services (STS) use other names, and 403 for all but a malformed
/// signature. Messages never repeat the Authorization header, a canonical request or a string to sign.
/// </summary>
/// <param name="Error">What went wrong.</param>
/// <param name="Message">The sentence for people, in AWS's words where AWS has one.</param>
internal sealed record AuthenticationFailure(AuthenticationError Error, string Message)
{
    /// <summary>The error's name in the JSON protocol: the <c>__type</c> of ECR.</summary>
    public string JsonName => Error switch
    {
        AuthenticationError.MissingToken => "MissingAuthenticationTokenException",
        AuthenticationError.IncompleteSignature => "IncompleteSignatureException",
        AuthenticationError.UnknownAccessKey => "UnrecognizedClientException",
        AuthenticationError.ExpiredToken => "ExpiredTokenException",
        _ => "InvalidSignatureException",
    };

    /// <summary>The HTTP status in the JSON protocol, the same for all.</summary>
    public const int JsonStatus = StatusCodes.Status400BadRequest;

    /// <summary>The error's name in the query protocol: the <c>Code</c> of STS.</summary>
    public string QueryName => Error switch
    {
        AuthenticationError.MissingToken => "MissingAuthenticationToken",
        AuthenticationError.IncompleteSignature => "IncompleteSignature",
        AuthenticationError.UnknownAccessKey => "InvalidClientTokenId",
        AuthenticationError.ExpiredToken => "ExpiredToken",
        _ => "SignatureDoesNotMatch",
    };

    /// <summary>The HTTP status in the query protocol.</summary>
    public int QueryStatus =>
        Error == AuthenticationError.IncompleteSignature ? StatusCodes.Status400BadRequest : StatusCodes.Status403Forbidden;

    /// <summary>No signature came with the request.</summary>
    public static AuthenticationFailure Missing { get; } = new(AuthenticationError.MissingToken, "Missing Authentication Token");

    /// <summary>The access key is not known, or is disabled: the caller is not told which.</summary>
    public static AuthenticationFailure UnknownKey { get; } =
        new(AuthenticationError.UnknownAccessKey, "The security token included in the request is invalid.");

    /// <summary>The session has ended; told to the holder of its secret alone.</summary>
    public static AuthenticationFailure Expired { get; } =
        new(AuthenticationError.ExpiredToken, "The security token included in the request is expired");

    /// <summary>The signature is not that of the request.</summary>
    public static AuthenticationFailure Mismatch { get; } = new(
        AuthenticationError.InvalidSignature,
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.");

    /// <summary>A part of the signature is missing or malformed.</summary>
    public static AuthenticationFailure Incomplete(string message) => new(AuthenticationError.IncompleteSignature, message);

    /// <summary>The signature cannot stand for this request, for the reason given.</summary>
    public static AuthenticationFailure Invalid(string message) => new(AuthenticationError.InvalidSignature, message);
}

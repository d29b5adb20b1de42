namespace Longshore.Server.Access;

/// <summary>Log events of authentication: ids 2000 to 2099, never reused. No secret, token, signature or URL is ever logged.</summary>
internal static partial class AccessLog
{
    [LoggerMessage(2000, LogLevel.Information, "Root principal of account {Account} created")]
    public static partial void RootCreated(this ILogger logger, string account);

    [LoggerMessage(2001, LogLevel.Information, "Root access key {AccessKeyId} of account {Account}: {Change}")]
    public static partial void RootKeyChanged(this ILogger logger, string accessKeyId, string account, RootKeyChange change);

    [LoggerMessage(2002, LogLevel.Information, "Server key {KeyId} created")]
    public static partial void ServerKeyCreated(this ILogger logger, uint keyId);

    [LoggerMessage(2003, LogLevel.Error, "The stored secret of access key {AccessKeyId} does not open with this database's server keys; the key is refused")]
    public static partial void SecretUnreadable(this ILogger logger, string accessKeyId);

    [LoggerMessage(2004, LogLevel.Debug, "Signed request refused: {Error}, access key {AccessKeyId}")]
    public static partial void SignatureRefused(this ILogger logger, AuthenticationError error, string accessKeyId);

    [LoggerMessage(2005, LogLevel.Debug, "Registry credentials refused: {Error}")]
    public static partial void RegistryCredentialsRefused(this ILogger logger, Core.ErrorCode error);

    [LoggerMessage(2006, LogLevel.Warning, "Access key {AccessKeyId} disabled")]
    public static partial void AccessKeyDisabled(this ILogger logger, string accessKeyId);

    [LoggerMessage(2007, LogLevel.Warning, "Principal {Arn} disabled")]
    public static partial void PrincipalDisabled(this ILogger logger, string arn);

    [LoggerMessage(2008, LogLevel.Warning, "Sessions of {Arn} revoked")]
    public static partial void SessionsRevoked(this ILogger logger, string arn);

    [LoggerMessage(2009, LogLevel.Error, "When keys and roles were last used could not be written; it is tried again")]
    public static partial void LastUseNotKept(this ILogger logger, Exception exception);

    [LoggerMessage(2050, LogLevel.Warning, "Key file {Path} created. Without it the secrets in the database are lost: keep a copy, apart from copies of the database")]
    public static partial void KeyFileCreated(this ILogger logger, string path);

    [LoggerMessage(2051, LogLevel.Information, "{Count} server keys wrapped by key {KeyId} of the key file {Path}")]
    public static partial void ServerKeysWrapped(this ILogger logger, int count, uint keyId, string path);

    [LoggerMessage(2090, LogLevel.Warning, "{Source} {Value} was refused {Count} times within a minute; further refusals are answered slowly. Last: {EventName}, {Error}")]
    public static partial void RefusedAgainAndAgain(this ILogger logger, RefusalSource source, string value, int count, string eventName, string error);
}

namespace Longshore.Server.Sts.Oidc;

/// <summary>Log events of federation: ids 2080 to 2089 of those of access. No token is ever logged.</summary>
internal static partial class OidcLog
{
    [LoggerMessage(2080, LogLevel.Warning, "The keys of {Provider} cannot be had: {Reason}")]
    public static partial void IssuerUnreachable(this ILogger logger, string provider, string reason);

    [LoggerMessage(2081, LogLevel.Information, "The keys of {Provider} were fetched: {Count}")]
    public static partial void KeysFetched(this ILogger logger, string provider, int count);

    [LoggerMessage(2082, LogLevel.Debug, "A token for {Provider} was refused: {Reason}")]
    public static partial void TokenRefused(this ILogger logger, string provider, string reason);
}

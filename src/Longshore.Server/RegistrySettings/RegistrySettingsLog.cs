namespace Longshore.Server.RegistrySettings;

/// <summary>Log messages of registry settings. Event ids 1300 to 1399; never reused.</summary>
internal static partial class RegistrySettingsLog
{
    [LoggerMessage(1300, LogLevel.Information, "Repository {Repository} of {Registry} was created on push by {Principal}; template: {Template}.")]
    public static partial void CreatedOnPush(this ILogger logger, string repository, string registry, string principal, string template);
}

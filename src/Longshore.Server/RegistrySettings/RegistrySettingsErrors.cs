using Longshore.Core;

namespace Longshore.Server.RegistrySettings;

/// <summary>The expected failures of registry settings, in ECR's form.</summary>
internal static class RegistrySettingsErrors
{
    public static RegistryError InvalidParameter(string parameter, string reason) =>
        new(ErrorCode.InvalidParameter, $"Invalid parameter at '{parameter}' failed to satisfy constraint: '{reason}'");

    public static RegistryError ExclusionAlreadyExists(RegistryId registry, string principalArn) =>
        new(ErrorCode.ExclusionAlreadyExists, $"The pull time update exclusion for the principal '{principalArn}' already exists in the registry with id '{registry.Account}'");

    public static RegistryError ExclusionNotFound(RegistryId registry, string principalArn) =>
        new(ErrorCode.ExclusionNotFound, $"The pull time update exclusion for the principal '{principalArn}' does not exist in the registry with id '{registry.Account}'");

    public static RegistryError TooManyExclusions(int limit) =>
        new(ErrorCode.LimitExceeded, $"A registry can have at most {limit} pull time update exclusions. Deregister one first.");

    public static RegistryError TemplateAlreadyExists(RegistryId registry, string prefix) =>
        new(ErrorCode.TemplateAlreadyExists, $"The repository creation template with prefix '{prefix}' already exists in the registry with id '{registry.Account}'");

    public static RegistryError TemplateNotFound(RegistryId registry, string prefix) =>
        new(ErrorCode.TemplateNotFound, $"The repository creation template with prefix '{prefix}' does not exist in the registry with id '{registry.Account}'");
}

using Longshore.Core;
using Longshore.Core.Lifecycle;
using Longshore.Server.Content;

namespace Longshore.Server.Protection;

/// <summary>The expected failures of protections and usage reports.</summary>
internal static class ProtectionErrors
{
    public static RegistryError ImageProtected(RepositoryName repository, Digest digest, ImageProtection protection) => Protected(
        $"The image {digest} is {protection.Describe()}. {Lift(protection)}, or remove the image all the same: DELETE /longshore/v1/images?repository={repository}&digest={digest}&force=true.",
        protection);

    public static RegistryError TagProtected(TagName tag, ImageProtection protection) => Protected(
        $"The tag {tag} keeps its image, which is {protection.Describe()}. {Lift(protection)}.", protection);

    public static RegistryError RepositoryProtected(Repository repository, ImageProtection protection) => Protected(
        $"The repository with name '{repository.Name}' in registry with id '{repository.Registry.Account}' cannot be deleted because it contains images {protection.Describe()}. {Lift(protection)}, or delete it all the same: DELETE /longshore/v1/repositories?repository={repository.Name}&force=true.",
        protection);

    public static RegistryError ProtectionNotFound(string id) => new(ErrorCode.ProtectionNotFound, $"No protection has the id '{id}'.");

    public static RegistryError ProtectionElsewhere(string id) =>
        new(ErrorCode.ProtectionAlreadyExists, $"The protection '{id}' is there already, for other repositories. Choose another id, or change it without naming the repository in the query.");

    public static RegistryError SourceNotFound(string name) => new(ErrorCode.UsageSourceNotFound, $"No usage source has the name '{name}'.");

    public static RegistryError TooManySources(int limit) => new(ErrorCode.LimitExceeded, $"A registry can have at most {limit} usage sources. Delete one first.");

    public static RegistryError ReportUnknown(string source) =>
        new(ErrorCode.InvalidParameter, $"This is not the report that is being received of the source '{source}': another one was begun, or it is complete. Begin anew, without 'report'.");

    public static RegistryError Invalid(string parameter, string reason) =>
        new(ErrorCode.InvalidParameter, $"Invalid parameter at '{parameter}' failed to satisfy constraint: '{reason}'");

    private static string Lift(ImageProtection protection) => $"Lift it with DELETE /longshore/v1/protections/{protection.Id}";

    private static RegistryError Protected(string message, ImageProtection protection) =>
        new(ErrorCode.ImageProtected, message, new Dictionary<string, string>(StringComparer.Ordinal) { ["protection"] = protection.Id, ["owner"] = protection.Owner });
}

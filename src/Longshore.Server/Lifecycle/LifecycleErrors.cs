using Longshore.Core;

namespace Longshore.Server.Lifecycle;

/// <summary>What can be wrong, in ECR's words where it has some.</summary>
internal static class LifecycleErrors
{
    public static RegistryError PolicyNotFound(RegistryId registry, RepositoryName name) => new(
        ErrorCode.LifecyclePolicyNotFound,
        $"Lifecycle policy does not exist for the repository with name '{name}' in the registry with id '{registry.Account}'");

    public static RegistryError PolicyInvalid(string reason) => new(
        ErrorCode.InvalidParameter,
        $"Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: '{reason}'");

    public static RegistryError PreviewNotFound(RegistryId registry, RepositoryName name) => new(
        ErrorCode.LifecyclePolicyPreviewNotFound,
        $"Lifecycle policy preview does not exist for the repository with name '{name}' in the registry with id '{registry.Account}'. Start one first: aws ecr start-lifecycle-policy-preview.");

    public static RegistryError PreviewInProgress(RegistryId registry, RepositoryName name) => new(
        ErrorCode.LifecyclePolicyPreviewInProgress,
        $"A lifecycle policy preview is already in progress for the repository with name '{name}' in the registry with id '{registry.Account}'");

    public static RegistryError PlanNotFound(string id) => new(ErrorCode.PlanNotFound, $"There is no plan '{id}' in this registry.");

    public static RegistryError PlanNotApplicable(string why) => new(ErrorCode.PlanNotApplicable, why);
}

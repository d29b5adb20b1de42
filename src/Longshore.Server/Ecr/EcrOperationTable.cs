using Longshore.Core.Aws;
using Longshore.Core.Aws.Ecr;

namespace Longshore.Server.Ecr;

/// <summary>An operation of the model, and how its handler is made; null when it is not offered.</summary>
internal sealed record EcrEntry(AwsOperation Operation, Func<IServiceProvider, EcrHandler>? Create);

/// <summary>Every operation of the ECR model. <c>docs/compatibility.md</c> is compared to this table by a test.</summary>
internal static class EcrOperationTable
{
    /// <summary>All operations, in order of their names.</summary>
    public static IReadOnlyList<EcrEntry> All { get; } =
    [
        Offered<BatchCheckLayerAvailability>(EcrOperations.BatchCheckLayerAvailability),
        Offered<BatchDeleteImage>(EcrOperations.BatchDeleteImage),
        Offered<BatchGetImage>(EcrOperations.BatchGetImage),
        Offered<BatchGetRepositoryScanningConfiguration>(EcrOperations.BatchGetRepositoryScanningConfiguration),
        Offered<CompleteLayerUpload>(EcrOperations.CompleteLayerUpload),
        NotOffered(EcrOperations.CreatePullThroughCacheRule),
        Offered<CreateRepository>(EcrOperations.CreateRepository),
        Offered<CreateRepositoryCreationTemplate>(EcrOperations.CreateRepositoryCreationTemplate),
        Offered<DeleteLifecyclePolicy>(EcrOperations.DeleteLifecyclePolicy),
        NotOffered(EcrOperations.DeletePullThroughCacheRule),
        Offered<DeleteRegistryPolicy>(EcrOperations.DeleteRegistryPolicy),
        Offered<DeleteRepository>(EcrOperations.DeleteRepository),
        Offered<DeleteRepositoryCreationTemplate>(EcrOperations.DeleteRepositoryCreationTemplate),
        Offered<DeleteRepositoryPolicy>(EcrOperations.DeleteRepositoryPolicy),
        NotOffered(EcrOperations.DeleteSigningConfiguration),
        Offered<DeregisterPullTimeUpdateExclusion>(EcrOperations.DeregisterPullTimeUpdateExclusion),
        NotOffered(EcrOperations.DescribeImageReplicationStatus),
        NotOffered(EcrOperations.DescribeImageScanFindings),
        NotOffered(EcrOperations.DescribeImageSigningStatus),
        Offered<DescribeImages>(EcrOperations.DescribeImages),
        NotOffered(EcrOperations.DescribePullThroughCacheRules),
        Offered<DescribeRegistry>(EcrOperations.DescribeRegistry),
        Offered<DescribeRepositories>(EcrOperations.DescribeRepositories),
        Offered<DescribeRepositoryCreationTemplates>(EcrOperations.DescribeRepositoryCreationTemplates),
        Offered<GetAccountSetting>(EcrOperations.GetAccountSetting),
        Offered<GetAuthorizationToken>(EcrOperations.GetAuthorizationToken),
        Offered<GetDownloadUrlForLayer>(EcrOperations.GetDownloadUrlForLayer),
        Offered<GetLifecyclePolicy>(EcrOperations.GetLifecyclePolicy),
        Offered<GetLifecyclePolicyPreview>(EcrOperations.GetLifecyclePolicyPreview),
        Offered<GetRegistryPolicy>(EcrOperations.GetRegistryPolicy),
        Offered<GetRegistryScanningConfiguration>(EcrOperations.GetRegistryScanningConfiguration),
        Offered<GetRepositoryPolicy>(EcrOperations.GetRepositoryPolicy),
        NotOffered(EcrOperations.GetSigningConfiguration),
        Offered<InitiateLayerUpload>(EcrOperations.InitiateLayerUpload),
        Offered<ListImageReferrers>(EcrOperations.ListImageReferrers),
        Offered<ListImages>(EcrOperations.ListImages),
        Offered<ListPullTimeUpdateExclusions>(EcrOperations.ListPullTimeUpdateExclusions),
        Offered<ListTagsForResource>(EcrOperations.ListTagsForResource),
        Offered<PutAccountSetting>(EcrOperations.PutAccountSetting),
        Offered<PutImage>(EcrOperations.PutImage),
        Offered<PutImageScanningConfiguration>(EcrOperations.PutImageScanningConfiguration),
        Offered<PutImageTagMutability>(EcrOperations.PutImageTagMutability),
        Offered<PutLifecyclePolicy>(EcrOperations.PutLifecyclePolicy),
        Offered<PutRegistryPolicy>(EcrOperations.PutRegistryPolicy),
        Offered<PutRegistryScanningConfiguration>(EcrOperations.PutRegistryScanningConfiguration),
        NotOffered(EcrOperations.PutReplicationConfiguration),
        NotOffered(EcrOperations.PutSigningConfiguration),
        Offered<RegisterPullTimeUpdateExclusion>(EcrOperations.RegisterPullTimeUpdateExclusion),
        Offered<SetRepositoryPolicy>(EcrOperations.SetRepositoryPolicy),
        NotOffered(EcrOperations.StartImageScan),
        Offered<StartLifecyclePolicyPreview>(EcrOperations.StartLifecyclePolicyPreview),
        Offered<TagResource>(EcrOperations.TagResource),
        Offered<UntagResource>(EcrOperations.UntagResource),
        Offered<UpdateImageStorageClass>(EcrOperations.UpdateImageStorageClass),
        NotOffered(EcrOperations.UpdatePullThroughCacheRule),
        Offered<UpdateRepositoryCreationTemplate>(EcrOperations.UpdateRepositoryCreationTemplate),
        Offered<UploadLayerPart>(EcrOperations.UploadLayerPart),
        NotOffered(EcrOperations.ValidatePullThroughCacheRule),
    ];

    private static EcrEntry Offered<THandler>(AwsOperation operation)
        where THandler : EcrHandler =>
        new(operation, static services => ActivatorUtilities.CreateInstance<THandler>(services));

    private static EcrEntry NotOffered(AwsOperation operation) => new(operation, null);
}

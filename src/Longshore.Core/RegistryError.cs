namespace Longshore.Core;

/// <summary>
/// An expected failure. Each protocol maps <see cref="Code"/> to its own wire name and status
/// (<c>OciErrors</c>, <c>EcrErrors</c>); a test walks the enum through both.
/// </summary>
/// <param name="Code">What went wrong, from the closed set.</param>
/// <param name="Message">A sentence for people: what is wrong and, where it helps, what to do next. Never holds a secret.</param>
/// <param name="Detail">Members that the protocols repeat in machine form (for example the last valid byte of an upload).</param>
public sealed record RegistryError(ErrorCode Code, string Message, IReadOnlyDictionary<string, string>? Detail = null)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Code}: {Message}";
}

/// <summary>The closed set of expected failures, in the words of the OCI and ECR specifications.</summary>
public enum ErrorCode
{
    /// <summary>A blob is not known to the repository.</summary>
    BlobUnknown,

    /// <summary>An upload was used against its rules: wrong order, wrong state, broken body.</summary>
    BlobUploadInvalid,

    /// <summary>No such upload in this repository, or it ended or expired.</summary>
    BlobUploadUnknown,

    /// <summary>A chunk does not start where the last one ended.</summary>
    RangeInvalid,

    /// <summary>A digest is malformed, of an unsupported algorithm, or not that of the content.</summary>
    DigestInvalid,

    /// <summary>A size does not fit the content.</summary>
    SizeInvalid,

    /// <summary>A manifest names a blob that the repository does not hold, or holds in another size.</summary>
    ManifestBlobUnknown,

    /// <summary>An index names a manifest that the repository does not hold.</summary>
    ManifestChildUnknown,

    /// <summary>A manifest is malformed.</summary>
    ManifestInvalid,

    /// <summary>A manifest is larger than 4 MiB.</summary>
    ManifestTooLarge,

    /// <summary>The bytes of a manifest do not have the digest that the client gave.</summary>
    ManifestDigestMismatch,

    /// <summary>No such manifest (image) in the repository.</summary>
    ManifestUnknown,

    /// <summary>A manifest or blob cannot be deleted while something refers to it.</summary>
    ContentReferenced,

    /// <summary>A repository name is malformed.</summary>
    NameInvalid,

    /// <summary>No such repository.</summary>
    RepositoryNotFound,

    /// <summary>The repository is there already.</summary>
    RepositoryAlreadyExists,

    /// <summary>The repository still holds images.</summary>
    RepositoryNotEmpty,

    /// <summary>A tag is malformed.</summary>
    TagInvalid,

    /// <summary>The tag exists and the repository does not let it be moved.</summary>
    TagImmutable,

    /// <summary>An image was named by a tag and a digest that do not belong together.</summary>
    ImageTagDoesNotMatchDigest,

    /// <summary>The same manifest with the same tag is there already (ECR PutImage).</summary>
    ImageAlreadyExists,

    /// <summary>The same layer is there already (ECR CompleteLayerUpload).</summary>
    LayerAlreadyExists,

    /// <summary>An upload was completed without a byte (ECR CompleteLayerUpload).</summary>
    EmptyUpload,

    /// <summary>A layer part does not follow the last one (ECR UploadLayerPart).</summary>
    InvalidLayerPart,

    /// <summary>A layer part other than the last is under 5 MiB (ECR CompleteLayerUpload).</summary>
    LayerPartTooSmall,

    /// <summary>A layer is not referenced by any image (ECR GetDownloadUrlForLayer).</summary>
    LayerInaccessible,

    /// <summary>A quota is reached.</summary>
    LimitExceeded,

    /// <summary>Too many resource tags on one repository.</summary>
    TooManyTags,

    /// <summary>A parameter is malformed or contradicts another.</summary>
    InvalidParameter,

    /// <summary>A resource tag is malformed.</summary>
    InvalidTagParameter,

    /// <summary>The principal is excluded already (ECR RegisterPullTimeUpdateExclusion).</summary>
    ExclusionAlreadyExists,

    /// <summary>The principal is not excluded (ECR DeregisterPullTimeUpdateExclusion).</summary>
    ExclusionNotFound,

    /// <summary>The repository creation template is there already.</summary>
    TemplateAlreadyExists,

    /// <summary>No such repository creation template.</summary>
    TemplateNotFound,

    /// <summary>The repository has no policy of its own.</summary>
    RepositoryPolicyNotFound,

    /// <summary>The registry has no policy.</summary>
    RegistryPolicyNotFound,

    /// <summary>The repository has no lifecycle policy.</summary>
    LifecyclePolicyNotFound,

    /// <summary>No preview of the repository's lifecycle was started.</summary>
    LifecyclePolicyPreviewNotFound,

    /// <summary>The preview of the repository's lifecycle that was started last is still being made.</summary>
    LifecyclePolicyPreviewInProgress,

    /// <summary>The image cannot change its storage class now.</summary>
    StorageClassUpdateNotSupported,

    /// <summary>No such plan.</summary>
    PlanNotFound,

    /// <summary>The plan is not in a state in which it can be applied.</summary>
    PlanNotApplicable,

    /// <summary>An image must stay: it is protected.</summary>
    ImageProtected,

    /// <summary>No such protection.</summary>
    ProtectionNotFound,

    /// <summary>A protection with this id is there already, and is about something else.</summary>
    ProtectionAlreadyExists,

    /// <summary>No such source of usage reports.</summary>
    UsageSourceNotFound,

    /// <summary>No credentials, or wrong ones.</summary>
    Unauthorized,

    /// <summary>The principal is known and may not do this.</summary>
    Denied,

    /// <summary>The registry token has expired.</summary>
    TokenExpired,

    /// <summary>The operation is known to the protocol and this server does not offer it.</summary>
    NotOffered,

    /// <summary>Too many requests.</summary>
    TooManyRequests,

    /// <summary>The store cannot take more bytes (disk full).</summary>
    StorageFull,
}

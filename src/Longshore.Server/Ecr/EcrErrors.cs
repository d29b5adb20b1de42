using System.Globalization;
using Longshore.Core;
using Longshore.Core.Aws;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Aws;

namespace Longshore.Server.Ecr;

/// <summary>A closed map from <see cref="ErrorCode"/> to the exceptions of the ECR model and the errors common to all AWS services.</summary>
internal static class EcrErrors
{
    /// <summary>Members of <see cref="RegistryError.Detail"/> that <c>InvalidLayerPartException</c> repeats.</summary>
    public const string LastValidByte = "lastValidByteReceived";

    /// <inheritdoc cref="LastValidByte"/>
    public const string UploadId = "uploadId";

    /// <inheritdoc cref="LastValidByte"/>
    public const string RepositoryName = "repositoryName";

    /// <inheritdoc cref="LastValidByte"/>
    public const string RegistryId = "registryId";

    /// <summary>The exception that a code stands for, whatever the operation.</summary>
    public static AwsErrorShape Map(ErrorCode code) => code switch
    {
        ErrorCode.BlobUnknown => EcrErrorShapes.LayersNotFoundException,
        ErrorCode.BlobUploadInvalid => EcrErrorShapes.InvalidParameterException,
        ErrorCode.BlobUploadUnknown => EcrErrorShapes.UploadNotFoundException,
        ErrorCode.RangeInvalid => EcrErrorShapes.InvalidLayerPartException,
        ErrorCode.DigestInvalid => EcrErrorShapes.InvalidLayerException,
        ErrorCode.SizeInvalid => EcrErrorShapes.InvalidParameterException,
        ErrorCode.ManifestBlobUnknown => EcrErrorShapes.LayersNotFoundException,
        ErrorCode.ManifestChildUnknown => EcrErrorShapes.ReferencedImagesNotFoundException,
        ErrorCode.ManifestInvalid => EcrErrorShapes.InvalidParameterException,
        ErrorCode.ManifestTooLarge => EcrErrorShapes.InvalidParameterException,
        ErrorCode.ManifestDigestMismatch => EcrErrorShapes.ImageDigestDoesNotMatchException,
        ErrorCode.ManifestUnknown => EcrErrorShapes.ImageNotFoundException,
        ErrorCode.ContentReferenced => EcrErrorShapes.InvalidParameterException,
        ErrorCode.NameInvalid => EcrErrorShapes.InvalidParameterException,
        ErrorCode.RepositoryNotFound => EcrErrorShapes.RepositoryNotFoundException,
        ErrorCode.RepositoryAlreadyExists => EcrErrorShapes.RepositoryAlreadyExistsException,
        ErrorCode.RepositoryNotEmpty => EcrErrorShapes.RepositoryNotEmptyException,
        ErrorCode.TagInvalid => EcrErrorShapes.InvalidParameterException,
        ErrorCode.TagImmutable => EcrErrorShapes.ImageTagAlreadyExistsException,
        // No operation has a word of its own for it but the failure codes of the batch operations.
        ErrorCode.ImageTagDoesNotMatchDigest => EcrErrorShapes.ImageNotFoundException,
        ErrorCode.ImageAlreadyExists => EcrErrorShapes.ImageAlreadyExistsException,
        ErrorCode.LayerAlreadyExists => EcrErrorShapes.LayerAlreadyExistsException,
        ErrorCode.EmptyUpload => EcrErrorShapes.EmptyUploadException,
        ErrorCode.InvalidLayerPart => EcrErrorShapes.InvalidLayerPartException,
        ErrorCode.LayerPartTooSmall => EcrErrorShapes.LayerPartTooSmallException,
        ErrorCode.LayerInaccessible => EcrErrorShapes.LayerInaccessibleException,
        ErrorCode.LimitExceeded => EcrErrorShapes.LimitExceededException,
        ErrorCode.TooManyTags => EcrErrorShapes.TooManyTagsException,
        ErrorCode.InvalidParameter => EcrErrorShapes.InvalidParameterException,
        ErrorCode.InvalidTagParameter => EcrErrorShapes.InvalidTagParameterException,
        ErrorCode.ExclusionAlreadyExists => EcrErrorShapes.ExclusionAlreadyExistsException,
        ErrorCode.ExclusionNotFound => EcrErrorShapes.ExclusionNotFoundException,
        ErrorCode.TemplateAlreadyExists => EcrErrorShapes.TemplateAlreadyExistsException,
        ErrorCode.TemplateNotFound => EcrErrorShapes.TemplateNotFoundException,
        ErrorCode.RepositoryPolicyNotFound => EcrErrorShapes.RepositoryPolicyNotFoundException,
        ErrorCode.RegistryPolicyNotFound => EcrErrorShapes.RegistryPolicyNotFoundException,
        ErrorCode.LifecyclePolicyNotFound => EcrErrorShapes.LifecyclePolicyNotFoundException,
        ErrorCode.LifecyclePolicyPreviewNotFound => EcrErrorShapes.LifecyclePolicyPreviewNotFoundException,
        ErrorCode.LifecyclePolicyPreviewInProgress => EcrErrorShapes.LifecyclePolicyPreviewInProgressException,
        ErrorCode.StorageClassUpdateNotSupported => EcrErrorShapes.ImageStorageClassUpdateNotSupportedException,
        // Plans are of our own API alone.
        ErrorCode.PlanNotFound or ErrorCode.PlanNotApplicable => EcrErrorShapes.InvalidParameterException,
        // The word that DeleteRepository has; BatchDeleteImage has failure codes of its own.
        ErrorCode.ImageProtected => EcrErrorShapes.RepositoryNotEmptyException,
        // Of our own API alone.
        ErrorCode.ProtectionNotFound => EcrErrorShapes.ValidationException,
        ErrorCode.ProtectionAlreadyExists => EcrErrorShapes.ValidationException,
        ErrorCode.UsageSourceNotFound => EcrErrorShapes.ValidationException,
        ErrorCode.Unauthorized => CommonErrors.MissingAuthenticationToken,
        ErrorCode.Denied => CommonErrors.AccessDenied,
        ErrorCode.TokenExpired => CommonErrors.ExpiredToken,
        ErrorCode.NotOffered => EcrErrorShapes.ValidationException,
        ErrorCode.TooManyRequests => CommonErrors.Throttling,
        ErrorCode.StorageFull => CommonErrors.StorageFull,
        _ => throw new ArgumentOutOfRangeException(nameof(code), code, "No wire form: add one to this map."),
    };

    /// <summary>
    /// The exception that an operation answers with: the mapped one when its model lists it or it is common to all, else the
    /// general client's error that its model lists.
    /// </summary>
    public static AwsErrorShape ShapeFor(AwsOperation operation, ErrorCode code)
    {
        var shape = Map(code);
        if (CommonErrors.All.Contains(shape) || operation.Errors.Contains(shape)) return shape;
        return operation.Errors.Contains(EcrErrorShapes.InvalidParameterException)
            ? EcrErrorShapes.InvalidParameterException
            : EcrErrorShapes.ValidationException;
    }

    /// <summary>The answer of an operation that failed.</summary>
    public static AwsReply Answer(AwsOperation operation, RegistryError error)
    {
        var shape = ShapeFor(operation, error.Code);
        if (shape != EcrErrorShapes.InvalidLayerPartException || error.Detail is not { } detail) return AwsReply.JsonError(shape, error.Message);
        var last = detail.TryGetValue(LastValidByte, out var text) ? long.Parse(text, CultureInfo.InvariantCulture) : -1;
        var body = new InvalidLayerPartExceptionBody
        {
            Message = error.Message,
            RegistryId = detail.GetValueOrDefault(RegistryId),
            RepositoryName = detail.GetValueOrDefault(RepositoryName),
            UploadId = detail.GetValueOrDefault(UploadId),
            // The model has no number for "none".
            LastValidByteReceived = last < 0 ? null : last,
        };
        return AwsReply.Json(shape.HttpStatus, AwsJson.Serialize(body, EcrJsonContext.Wire.InvalidLayerPartExceptionBody)) with
        {
            ErrorCode = shape.Code,
            ErrorMessage = error.Message,
        };
    }

    /// <summary>A bad parameter in ECR's words.</summary>
    public static RegistryError InvalidParameter(string parameter, string reason) =>
        new(ErrorCode.InvalidParameter, $"Invalid parameter at '{parameter}' failed to satisfy constraint: '{reason}'");
}

using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Content;

namespace Longshore.Server.Ecr;

/// <summary>BatchCheckLayerAvailability: which layers the repository holds.</summary>
internal sealed class BatchCheckLayerAvailability(BlobShelf blobs) : EcrHandler<BatchCheckLayerAvailabilityRequest, BatchCheckLayerAvailabilityResponse>(EcrOperations.BatchCheckLayerAvailability)
{
    protected override Outcome<EcrTarget> Locate(BatchCheckLayerAvailabilityRequest input, RegistryId home) => EcrTarget.OfRepository(home, input.RegistryId, input.RepositoryName);

    protected override async ValueTask<Outcome<BatchCheckLayerAvailabilityResponse>> HandleAsync(BatchCheckLayerAvailabilityRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var parsed = input.LayerDigests!.Distinct(StringComparer.Ordinal).Select(text => (Text: text, Digest: Parse(text))).ToList();
        var wanted = parsed.Where(layer => layer.Digest is not null).Select(layer => layer.Digest!.Value).ToList();
        if (!(await blobs.FindManyAsync(target.Registry, target.Name, wanted, cancellationToken)).TryGet(out var found, out var error)) return error;
        return new BatchCheckLayerAvailabilityResponse
        {
            Layers = [.. wanted.Select(digest => Describe(digest, found.GetValueOrDefault(digest)))],
            Failures = [.. parsed.Where(layer => layer.Digest is null).Select(layer => Fail(layer.Text))],
        };
    }

    private static Digest? Parse(string text) => Digest.TryParse(text, out var digest) ? digest : null;

    // A layer here has no media type of its own: manifests say what it is, each in its own words.
    private static Layer Describe(Digest digest, BlobInfo? blob) => new()
    {
        LayerDigest = digest.Value,
        LayerAvailability = blob switch
        {
            null => LayerAvailabilityValues.Unavailable,
            { IsArchived: true } => LayerAvailabilityValues.Archived,
            _ => LayerAvailabilityValues.Available,
        },
        LayerSize = blob?.Size,
    };

    private static LayerFailure Fail(string text) => string.IsNullOrWhiteSpace(text)
        ? new LayerFailure { LayerDigest = text, FailureCode = LayerFailureCodeValues.MissingLayerDigest, FailureReason = "A layer digest is missing" }
        : new LayerFailure
        {
            LayerDigest = text,
            FailureCode = LayerFailureCodeValues.InvalidLayerDigest,
            FailureReason = "A layer digest is sha256: with 64 or sha512: with 128 lower-case hexadecimal digits",
        };
}

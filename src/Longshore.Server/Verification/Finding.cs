namespace Longshore.Server.Verification;

/// <summary>What can be wrong with a registry's storage.</summary>
internal enum FindingKind
{
    /// <summary>The database's own structure is broken: restore a backup.</summary>
    DatabaseDamaged,

    /// <summary>A body is not where its row says.</summary>
    BodyMissing,

    /// <summary>A body has another length than its row says.</summary>
    BodySizeWrong,

    /// <summary>A body's bytes do not have its digest.</summary>
    BodyDamaged,

    /// <summary>The bytes of a manifest do not have its digest.</summary>
    ManifestDamaged,

    /// <summary>A manifest names content that its repository does not hold.</summary>
    ReferenceMissing,

    /// <summary>A body that was marked as damaged or missing and is there, whole.</summary>
    BodyReturned,

    /// <summary>A body that is condemned although something references it.</summary>
    CondemnedInUse,

    /// <summary>A repository holds a body that none of its images names, and no lease leads collection to it.</summary>
    LinkWithoutImage,

    /// <summary>A body that no row names: left by a crash.</summary>
    OrphanBody,

    /// <summary>Bytes of an upload that no row names: left by a crash.</summary>
    OrphanUpload,
}

/// <summary>One thing that is wrong.</summary>
/// <param name="Kind">What kind of thing.</param>
/// <param name="Subject">The digest, location or upload it is about.</param>
/// <param name="Message">What is wrong, in a sentence.</param>
/// <param name="Images">Images that are hit, as <c>account/region/repository@digest</c>; the first few.</param>
/// <param name="Repaired">What <c>--repair</c> did about it, or null.</param>
internal sealed record Finding(FindingKind Kind, string Subject, string Message, IReadOnlyList<string> Images, string? Repaired)
{
    /// <summary>True when nothing acknowledged is at stake: these cost only space.</summary>
    public bool IsHarmless => Kind is FindingKind.OrphanBody or FindingKind.OrphanUpload or FindingKind.LinkWithoutImage;
}

/// <summary>How far a verification is.</summary>
/// <param name="Step">What is being looked at.</param>
/// <param name="Done">Units looked at so far.</param>
/// <param name="Total">Units in all, 0 when unknown.</param>
/// <param name="Unit">What a unit is: bytes, manifests, bodies.</param>
internal readonly record struct VerifyProgress(string Step, long Done, long Total, string Unit);

/// <summary>What was looked at, and what was found.</summary>
internal sealed record VerifySummary(long Bodies, long BodyBytes, long Manifests, long StoredBodies, int Findings, int Harmless, int Repaired);

namespace Longshore.Core.Lifecycle;

/// <summary>ECR imageStatus.</summary>
public enum ImageStatus
{
    /// <summary>Ready to be pulled.</summary>
    Active,

    /// <summary>In the archive.</summary>
    Archived,

    /// <summary>On its way back from the archive.</summary>
    Activating,
}

/// <summary>What the evaluation of a policy knows of one image of a repository.</summary>
public sealed class LifecycleImage
{
    /// <summary>Key of the caller; of two images pushed at the same moment the one with the larger key counts as newer.</summary>
    public required long Id { get; init; }

    /// <summary>The digest of its manifest.</summary>
    public required string Digest { get; init; }

    /// <summary>Its tags, in any order.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>When it was first pushed.</summary>
    public required DateTimeOffset PushedAt { get; init; }

    /// <summary>When it was last pulled, as far as is recorded.</summary>
    public DateTimeOffset? LastPulledAt { get; init; }

    /// <summary>Whether it is in the archive.</summary>
    public ImageStatus Status { get; init; }

    /// <summary>When it last went to the archive.</summary>
    public DateTimeOffset? LastArchivedAt { get; init; }

    /// <summary>When it last came back from the archive.</summary>
    public DateTimeOffset? LastActivatedAt { get; init; }

    /// <summary>Digests of the lists and indexes of the repository that name it; empty for most.</summary>
    public IReadOnlyList<string> ReferencedBy { get; init; } = [];

    /// <summary>The digest that it refers to as its subject (a signature, an SBOM), whether that is there or not.</summary>
    public string? Subject { get; init; }

    /// <summary>The moment by which it is ordered and aged: a restore acts like a push.</summary>
    public DateTimeOffset EffectivePushedAt => LastActivatedAt ?? PushedAt;
}

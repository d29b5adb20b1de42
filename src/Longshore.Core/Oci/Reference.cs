using System.Diagnostics.CodeAnalysis;

namespace Longshore.Core.Oci;

/// <summary>How a manifest is named in a path: by tag or by digest (OCI distribution 1.1, "reference").</summary>
public readonly record struct Reference
{
    private readonly Digest digest;
    private readonly TagName tag;

    private Reference(Digest digest, TagName tag, bool isDigest)
    {
        this.digest = digest;
        this.tag = tag;
        IsDigest = isDigest;
    }

    /// <summary>True for a digest, false for a tag.</summary>
    public bool IsDigest { get; }

    /// <summary>The digest. Throws for a tag.</summary>
    public Digest Digest => IsDigest ? digest : throw new InvalidOperationException("The reference is a tag.");

    /// <summary>The tag. Throws for a digest.</summary>
    public TagName Tag => IsDigest ? throw new InvalidOperationException("The reference is a digest.") : tag;

    /// <summary>Names a manifest by digest.</summary>
    public static Reference Of(Digest digest) => new(digest, default, true);

    /// <summary>Names a manifest by tag.</summary>
    public static Reference Of(TagName tag) => new(default, tag, false);

    /// <summary>Parses a reference: text with a colon can only be a digest, other text only a tag.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Reference reference)
    {
        reference = default;
        if (text is null) return false;
        if (text.Contains(':', StringComparison.Ordinal))
        {
            if (!Digest.TryParse(text, out var digest)) return false;
            reference = Of(digest);
            return true;
        }

        if (!TagName.TryParse(text, out var tag)) return false;
        reference = Of(tag);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => IsDigest ? digest.Value : tag.Value;
}

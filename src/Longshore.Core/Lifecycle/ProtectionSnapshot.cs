namespace Longshore.Core.Lifecycle;

/// <summary>Why lifecycle must leave an image alone.</summary>
/// <param name="Protection">The protection that lasts longest, if any; it also stands against explicit deletes.</param>
/// <param name="Use">That it is in use, if it is.</param>
/// <param name="Stale">The silent source that freezes the repository, if any.</param>
public readonly record struct ProtectionVerdict(ImageProtection? Protection, ImageUse? Use, StaleSource? Stale)
{
    /// <summary>Whether anything keeps the image.</summary>
    public bool IsKept => Protection is not null || Use is not null || Stale is not null;

    /// <summary>One sentence without a full stop; empty when nothing keeps the image.</summary>
    public string Describe() =>
        Protection is not null ? "kept: " + Protection.Describe()
        : Use is not null ? "kept: " + Use.Describe()
        : Stale is not null ? "kept: " + Stale.Describe()
        : "";
}

/// <summary>
/// All that keeps images of one repository, at one moment. Asked for every image of a plan: by digest and literal tag it costs one look-up each, by
/// pattern one for each length of the patterns' literal beginnings.
/// </summary>
public sealed class ProtectionSnapshot
{
    private readonly ImageProtection? whole;
    private readonly Dictionary<string, ImageProtection> digests = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ImageProtection> tags = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<ImageProtection>> patterns = new(StringComparer.Ordinal);
    private readonly int[] patternLengths;

    /// <summary>Creates a snapshot.</summary>
    /// <param name="protections">Those whose repository pattern matches the repository; ended ones are left out here.</param>
    /// <param name="uses">The images in use, spread; empty when the registry does not protect what is in use.</param>
    /// <param name="staleSources">Sources that cover the repository and are silent; none when the registry does not protect what is in use.</param>
    /// <param name="now">The moment.</param>
    public ProtectionSnapshot(IEnumerable<ImageProtection> protections, IReadOnlyDictionary<string, ImageUse> uses, IReadOnlyList<StaleSource> staleSources, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(protections);
        (Uses, StaleSources, Now) = (uses, staleSources, now);
        foreach (var protection in protections)
        {
            if (!protection.IsActive(now)) continue;
            Count++;
            var star = protection.Target.IndexOf('*', StringComparison.Ordinal);
            if (protection.Kind == ProtectionKind.Repository) whole = Stronger(whole, protection);
            else if (protection.Kind == ProtectionKind.Digest) digests[protection.Target] = Stronger(digests.GetValueOrDefault(protection.Target), protection);
            else if (star < 0) tags[protection.Target] = Stronger(tags.GetValueOrDefault(protection.Target), protection);
            else if (patterns.TryGetValue(protection.Target[..star], out var list)) list.Add(protection);
            else patterns.Add(protection.Target[..star], [protection]);
        }

        patternLengths = [.. patterns.Keys.Select(prefix => prefix.Length).Distinct().Order()];
    }

    /// <summary>Nothing is kept.</summary>
    public static ProtectionSnapshot Empty { get; } = new([], new Dictionary<string, ImageUse>(), [], DateTimeOffset.UnixEpoch);

    /// <summary>The moment that it is of.</summary>
    public DateTimeOffset Now { get; }

    /// <summary>Protections that count.</summary>
    public int Count { get; }

    /// <summary>Images in use by digest.</summary>
    public IReadOnlyDictionary<string, ImageUse> Uses { get; }

    /// <summary>The silent sources that cover the repository: while there is one, lifecycle removes nothing from it.</summary>
    public IReadOnlyList<StaleSource> StaleSources { get; }

    /// <summary>Why lifecycle must leave an image alone, if it must.</summary>
    public ProtectionVerdict VerdictOf(string digest, IReadOnlyList<string> imageTags) =>
        new(ProtectionOf(digest, imageTags), Uses.GetValueOrDefault(digest), StaleSources.Count > 0 ? StaleSources[0] : null);

    /// <summary>The protection of an image that lasts longest; null when it has none.</summary>
    public ImageProtection? ProtectionOf(string digest, IReadOnlyList<string> imageTags)
    {
        ArgumentNullException.ThrowIfNull(imageTags);
        var best = whole;
        if (digests.TryGetValue(digest, out var found)) best = Stronger(best, found);
        if (tags.Count == 0 && patternLengths.Length == 0) return best;
        var prefixes = patterns.GetAlternateLookup<ReadOnlySpan<char>>();
        for (var i = 0; i < imageTags.Count; i++)
        {
            var tag = imageTags[i];
            if (tags.TryGetValue(tag, out found)) best = Stronger(best, found);
            foreach (var length in patternLengths)
            {
                if (length > tag.Length) break;
                if (!prefixes.TryGetValue(tag.AsSpan(0, length), out var candidates)) continue;
                foreach (var candidate in candidates)
                    if ((best is null || candidate.Outlasts(best)) && Wildcard.Matches(candidate.Target, tag)) best = candidate;
            }
        }

        return best;
    }

    private static ImageProtection Stronger(ImageProtection? known, ImageProtection other) => known is null || other.Outlasts(known) ? other : known;
}

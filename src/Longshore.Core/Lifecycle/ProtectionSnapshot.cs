namespace Longshore.Core.Lifecycle;

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

    /// <summary>Why lifecycle must leave an image alone; null when nothing keeps it.</summary>
    public RetentionVeto? VetoOf(string digest, IReadOnlyList<string> imageTags)
    {
        if (ProtectionOf(digest, imageTags) is { } protection) return new RetentionVeto(RetentionKind.Protected, protection.Describe());
        if (Uses.TryGetValue(digest, out var use)) return new RetentionVeto(RetentionKind.InUse, use.Describe());
        return StaleSources.Count > 0 ? new RetentionVeto(RetentionKind.SourceSilent, StaleSources[0].Describe()) : null;
    }

    /// <summary>
    /// Why lifecycle must leave the images of a repository alone. An image that a protected index lists is kept with it: it cannot go while the index stays.
    /// </summary>
    /// <param name="images">All images of the repository.</param>
    public Func<LifecycleImage, RetentionVeto?> VetoesOf(IReadOnlyList<LifecycleImage> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (Count == 0 && Uses.Count == 0 && StaleSources.Count == 0) return static _ => null;
        var listed = images.SelectMany(image => image.ReferencedBy).ToHashSet(StringComparer.Ordinal);
        var lists = images.Where(image => listed.Contains(image.Digest)).ToDictionary(image => image.Digest, StringComparer.Ordinal);
        return image => VetoOf(image.Digest, image.Tags) ?? ListVeto(image, []);

        RetentionVeto? ListVeto(LifecycleImage image, HashSet<string> seen)
        {
            foreach (var digest in image.ReferencedBy)
            {
                if (!seen.Add(digest) || !lists.TryGetValue(digest, out var list)) continue;
                if (ProtectionOf(list.Digest, list.Tags) is { } protection) return new RetentionVeto(RetentionKind.Protected, $"listed by {digest}, which is {protection.Describe()}");
                if (ListVeto(list, seen) is { } veto) return veto;
            }

            return null;
        }
    }

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

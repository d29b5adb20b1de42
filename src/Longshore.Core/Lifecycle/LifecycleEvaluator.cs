using System.Numerics;

namespace Longshore.Core.Lifecycle;

/// <summary>Applies a policy to the images of one repository. Pure: the same input gives the same answer.</summary>
/// <remarks>
/// The steps of ECR's documentation ("Automate the cleanup of images"): 1. for every rule, whatever its priority, the images
/// that it selects; 2. of those, the ones beyond its bound; 3. each image is decided by the first rule that selects it, even
/// when that rule does nothing to it. 4. An image that a list names stays as long as the list (archiving: as long as the list is
/// active). 5. An image that refers to a subject in the repository is selected by no rule and goes with its subject.
/// Time: rules times images for the tags, images times log images for the order. Memory: some 100 bytes an image.
/// </remarks>
public static class LifecycleEvaluator
{
    /// <summary>Decides about every image.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="images">All images of the repository, in any order.</param>
    /// <param name="now">The moment to which ages are counted.</param>
    public static LifecycleEvaluation Evaluate(LifecyclePolicy policy, IReadOnlyList<LifecycleImage> images, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(images);
        var byDigest = SubjectIndex(images);
        var selected = new ulong[images.Count];
        for (var i = 0; i < selected.Length; i++) selected[i] = FollowsSubject(images[i], byDigest) ? 0 : Select(policy.Rules, images[i]);
        var marked = new ulong[images.Count];
        var firstRank = Mark(policy.Rules, images, now, selected, marked);
        var decisions = new LifecycleDecision[images.Count];
        for (var i = 0; i < decisions.Length; i++) decisions[i] = Decide(policy.Rules, images[i], selected[i], marked[i], firstRank?[i] ?? 0);
        BlockReferenced(images, decisions);
        if (byDigest is not null) FollowSubjects(images, byDigest, decisions);
        return new LifecycleEvaluation(decisions, Count(policy.Rules, selected, marked, decisions));
    }

    /// <summary>What one rule would say if it were alone.</summary>
    public static LifecycleEvaluation Evaluate(LifecycleRule rule, IReadOnlyList<LifecycleImage> images, DateTimeOffset now) =>
        Evaluate(new LifecyclePolicy("", [rule]), images, now);

    // Most repositories have no referrers: then there is no index to build.
    private static Dictionary<string, int>? SubjectIndex(IReadOnlyList<LifecycleImage> images)
    {
        var wanted = new HashSet<string>(StringComparer.Ordinal);
        foreach (var image in images)
            if (image.Subject is { } subject) wanted.Add(subject);
        if (wanted.Count == 0) return null;
        var found = new Dictionary<string, int>(wanted.Count, StringComparer.Ordinal);
        for (var i = 0; i < images.Count; i++)
            if (wanted.Contains(images[i].Digest)) found[images[i].Digest] = i;
        return found;
    }

    private static bool FollowsSubject(LifecycleImage image, Dictionary<string, int>? byDigest) =>
        image.Subject is { } subject && byDigest is not null && byDigest.ContainsKey(subject);

    /// <summary>The rules that select an image: a bit for each.</summary>
    private static ulong Select(IReadOnlyList<LifecycleRule> rules, LifecycleImage image)
    {
        if (image.Status == ImageStatus.Activating) return 0;
        var storageClass = image.Status == ImageStatus.Archived ? StorageClass.Archive : StorageClass.Standard;
        var bits = 0UL;
        for (var r = 0; r < rules.Count; r++)
        {
            var selection = rules[r].Selection;
            if (selection.StorageClass != storageClass) continue;
            var matches = selection.TagStatus switch
            {
                LifecycleTagStatus.Any => true,
                LifecycleTagStatus.Untagged => image.Tags.Count == 0,
                _ => image.Tags.Count > 0 && MeetsAll(selection.Tags, image.Tags),
            };
            if (matches) bits |= 1UL << r;
        }

        return bits;
    }

    // Every entry must be met by some tag; one tag may meet several.
    private static bool MeetsAll(IReadOnlyList<TagCriterion> criteria, IReadOnlyList<string> tags)
    {
        for (var c = 0; c < criteria.Count; c++)
        {
            var met = false;
            for (var t = 0; t < tags.Count && !met; t++) met = criteria[c].IsMetBy(tags[t]);
            if (!met) return false;
        }

        return true;
    }

    /// <summary>Marks what is beyond each rule's bound; gives each image's rank in the first rule that selects it, when any rule counts.</summary>
    private static int[]? Mark(IReadOnlyList<LifecycleRule> rules, IReadOnlyList<LifecycleImage> images, DateTimeOffset now, ulong[] selected, ulong[] marked)
    {
        var counting = 0UL;
        for (var r = 0; r < rules.Count; r++)
        {
            if (rules[r].Selection.CountType == LifecycleCountType.ImageCountMoreThan)
            {
                counting |= 1UL << r;
                continue;
            }

            for (var i = 0; i < selected.Length; i++)
                if ((selected[i] >> r & 1) != 0 && IsOlder(AgedFrom(rules[r].Selection.CountType, images[i]), rules[r].Selection.CountNumber, now)) marked[i] |= 1UL << r;
        }

        if (counting == 0) return null;
        var ranks = new int[selected.Length];
        var seen = new int[rules.Count];
        foreach (var i in YoungestFirst(images))
        {
            for (var rest = selected[i] & counting; rest != 0; rest &= rest - 1)
            {
                var r = BitOperations.TrailingZeroCount(rest);
                var rank = ++seen[r];
                if (rank > rules[r].Selection.CountNumber) marked[i] |= 1UL << r;
                if (BitOperations.TrailingZeroCount(selected[i]) == r) ranks[i] = rank;
            }
        }

        return ranks;
    }

    private static int[] YoungestFirst(IReadOnlyList<LifecycleImage> images)
    {
        var keys = new (long Ticks, long Id)[images.Count];
        var order = new int[images.Count];
        for (var i = 0; i < keys.Length; i++)
        {
            keys[i] = (images[i].EffectivePushedAt.UtcTicks, images[i].Id);
            order[i] = i;
        }

        Array.Sort(keys, order);
        Array.Reverse(order);
        return order;
    }

    /// <summary>From when a rule counts an image's age; null when the image has no such moment.</summary>
    private static DateTimeOffset? AgedFrom(LifecycleCountType type, LifecycleImage image) => type switch
    {
        LifecycleCountType.SinceImagePushed => image.EffectivePushedAt,
        LifecycleCountType.SinceImagePulled => Later(image.LastPulledAt ?? image.PushedAt, image.LastActivatedAt),
        LifecycleCountType.SinceImageTransitioned => image.LastArchivedAt,
        _ => null,
    };

    // A restored image that was not pulled since counts from its restore.
    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset? other) => other > one ? other.Value : one;

    // Strictly older: an image of exactly N days stays. An image from the future is no day old.
    private static bool IsOlder(DateTimeOffset? since, int days, DateTimeOffset now) =>
        since is { } from && (now - from).Ticks > (Int128)days * TimeSpan.TicksPerDay;

    private static LifecycleDecision Decide(IReadOnlyList<LifecycleRule> rules, LifecycleImage image, ulong selected, ulong marked, int rank)
    {
        if (selected == 0) return new(null, image.Status == ImageStatus.Activating ? LifecycleReason.Activating : LifecycleReason.NoRule, null);
        var first = BitOperations.TrailingZeroCount(selected);
        var rule = rules[first];
        var since = AgedFrom(rule.Selection.CountType, image);
        if ((marked >> first & 1) != 0) return new(rule.Action, LifecycleReason.BeyondLimit, rule, rank, since);
        var shieldedFrom = marked == 0 ? null : rules[BitOperations.TrailingZeroCount(marked)];
        return new(null, LifecycleReason.WithinLimit, rule, rank, since, shieldedFrom);
    }

    private static void BlockReferenced(IReadOnlyList<LifecycleImage> images, LifecycleDecision[] decisions)
    {
        Dictionary<string, ImageStatus>? lists = null;
        for (var i = 0; i < decisions.Length; i++)
        {
            if (decisions[i].Action is not { } action || images[i].ReferencedBy.Count == 0) continue;
            if (action == LifecycleAction.Transition)
            {
                lists ??= StatusOfLists(images);
                // A list that is archived, or is not among the images, holds nothing back from the archive.
                if (!images[i].ReferencedBy.Any(list => lists.TryGetValue(list, out var status) && status != ImageStatus.Archived)) continue;
            }

            decisions[i] = decisions[i] with { Action = null, Reason = LifecycleReason.ReferencedByManifestList };
        }
    }

    private static Dictionary<string, ImageStatus> StatusOfLists(IReadOnlyList<LifecycleImage> images)
    {
        var names = images.SelectMany(static image => image.ReferencedBy).ToHashSet(StringComparer.Ordinal);
        return images.Where(image => names.Contains(image.Digest)).ToDictionary(static image => image.Digest, static image => image.Status, StringComparer.Ordinal);
    }

    private static void FollowSubjects(IReadOnlyList<LifecycleImage> images, Dictionary<string, int> byDigest, LifecycleDecision[] decisions)
    {
        var path = new List<int>();
        for (var i = 0; i < decisions.Length; i++)
        {
            if (!FollowsSubject(images[i], byDigest)) continue;
            // A referrer may have referrers: up to the one that a rule decided, then back. Digests allow no circle, but input might.
            path.Clear();
            var at = i;
            while (FollowsSubject(images[at], byDigest) && path.Count <= images.Count && !path.Contains(at))
            {
                path.Add(at);
                at = byDigest[images[at].Subject!];
            }

            for (var k = path.Count - 1; k >= 0; k--)
            {
                decisions[path[k]] = Follow(images[path[k]], decisions[at]);
                at = path[k];
            }
        }
    }

    private static LifecycleDecision Follow(LifecycleImage image, LifecycleDecision subject)
    {
        if (subject.Action is not { } action || (action == LifecycleAction.Transition && image.Status != ImageStatus.Active))
            return new(null, LifecycleReason.SubjectKept, subject.Rule);
        return image.ReferencedBy.Count > 0
            ? new(null, LifecycleReason.ReferencedByManifestList, subject.Rule)
            : new(action, LifecycleReason.SubjectGoes, subject.Rule);
    }

    private static LifecycleRuleCount[] Count(IReadOnlyList<LifecycleRule> rules, ulong[] selected, ulong[] marked, LifecycleDecision[] decisions)
    {
        var (select, mark, decide, act) = (new int[rules.Count], new int[rules.Count], new int[rules.Count], new int[rules.Count]);
        for (var i = 0; i < selected.Length; i++)
        {
            for (var rest = selected[i]; rest != 0; rest &= rest - 1) select[BitOperations.TrailingZeroCount(rest)]++;
            for (var rest = marked[i]; rest != 0; rest &= rest - 1) mark[BitOperations.TrailingZeroCount(rest)]++;
            if (selected[i] == 0) continue;
            var first = BitOperations.TrailingZeroCount(selected[i]);
            decide[first]++;
            if (decisions[i].Action is not null) act[first]++;
        }

        var counts = new LifecycleRuleCount[rules.Count];
        for (var r = 0; r < counts.Length; r++) counts[r] = new(rules[r], select[r], mark[r], decide[r], act[r]);
        return counts;
    }
}

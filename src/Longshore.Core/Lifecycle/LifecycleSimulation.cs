using System.Globalization;

namespace Longshore.Core.Lifecycle;

/// <summary>An image of a simulation.</summary>
/// <param name="Image">As the evaluation sees it on the first day.</param>
/// <param name="Size">Bytes of the image as ECR tells them.</param>
/// <param name="Blobs">The bodies it names; empty when they are not known.</param>
/// <param name="Children">The manifests it lists.</param>
public sealed record SimulatedImage(LifecycleImage Image, long Size, IReadOnlyList<NamedBlob> Blobs, IReadOnlyList<string> Children);

/// <summary>Something that a simulated run does, or that a veto keeps it from doing.</summary>
/// <param name="Day">Days from now; 0 is the next run.</param>
/// <param name="Planned">The image, the decision and the veto.</param>
/// <param name="Size">Bytes of the image as ECR tells them.</param>
/// <param name="LogicalBytes">Bytes that ECR would no longer bill; null when the bodies are not known.</param>
/// <param name="IsSynthetic">Whether it is one of the pushes that the simulation made up.</param>
/// <param name="Why">The reason in words, as of that day.</param>
public sealed record SimulatedStep(int Day, PlannedImage Planned, long Size, long? LogicalBytes, bool IsSynthetic, string Why);

/// <summary>Runs a policy once a day on a clock that is moved, over images that come and go as the policy says.</summary>
public static class LifecycleSimulation
{
    /// <summary>What happens on each day, in order.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="images">The images of today.</param>
    /// <param name="veto">What keeps an image.</param>
    /// <param name="start">Now.</param>
    /// <param name="days">Days after the first run; 0 for that run alone.</param>
    /// <param name="pushesPerDay">Images that are pushed each day from now on, each with tags like those of the newest one.</param>
    public static IEnumerable<SimulatedStep> Run(
        LifecyclePolicy policy, IReadOnlyList<SimulatedImage> images, Func<LifecycleImage, RetentionVeto?> veto, DateTimeOffset start, int days, double pushesPerDay)
    {
        ArgumentNullException.ThrowIfNull(images);
        var alive = images.ToList();
        var pattern = images.LastOrDefault(static image => image.Image.Tags.Count > 0) ?? (images.Count > 0 ? images[^1] : null);
        var nextId = images.Count == 0 ? 0 : images.Max(static image => image.Image.Id) + 1;
        var pushed = 0;
        var vetoed = new HashSet<string>(StringComparer.Ordinal);
        for (var day = 0; day <= days; day++)
        {
            var now = start.AddDays(day);
            for (; pattern is not null && pushed < Math.Floor(day * pushesPerDay); pushed++)
                alive.Add(Push(pattern, pushed + 1, nextId++, start.AddDays((pushed + 1) / pushesPerDay)));
            var plan = LifecyclePlanner.Plan(policy, [.. alive.Select(static image => image.Image)], veto, now);
            var going = Enumerable.Range(0, plan.Count).Where(i => plan[i].Action is not null).ToList();
            var bytes = BytesOf(alive, plan, going);
            foreach (var i in Enumerable.Range(0, plan.Count).Where(i => plan[i].Action is not null || (plan[i].Veto is not null && vetoed.Add(plan[i].Image.Digest))))
            {
                long? freed = plan[i].Action is null || alive[i].Blobs.Count == 0 ? null : bytes.GetValueOrDefault(i);
                yield return new SimulatedStep(day, plan[i], alive[i].Size, freed, plan[i].Image.Id >= nextId - pushed, plan[i].Why(now));
            }

            alive = After(alive, plan, now);
        }
    }

    private static Dictionary<int, long> BytesOf(List<SimulatedImage> alive, IReadOnlyList<PlannedImage> plan, List<int> going)
    {
        var expiring = going.Where(i => plan[i].Action == LifecycleAction.Expire).ToList();
        var uses = new Dictionary<long, int>();
        foreach (var image in alive)
            foreach (var blob in image.Blobs) uses[blob.Id] = uses.GetValueOrDefault(blob.Id) + 1;
        var bytes = FreedBytes.Of([.. expiring.Select(i => alive[i].Blobs)], (blob, _) => new BlobUses(uses[blob.Id], uses[blob.Id], false));
        return Enumerable.Range(0, expiring.Count).ToDictionary(k => expiring[k], k => bytes[k].Logical);
    }

    // What went is gone, what was archived is archived, and what only a list held is free when the list went.
    private static List<SimulatedImage> After(List<SimulatedImage> alive, IReadOnlyList<PlannedImage> plan, DateTimeOffset now)
    {
        var gone = Enumerable.Range(0, alive.Count).Where(i => plan[i].Action == LifecycleAction.Expire).Select(i => alive[i].Image.Digest).ToHashSet(StringComparer.Ordinal);
        var after = new List<SimulatedImage>(alive.Count);
        for (var i = 0; i < alive.Count; i++)
        {
            if (plan[i].Action == LifecycleAction.Expire) continue;
            var image = alive[i];
            var archived = plan[i].Action == LifecycleAction.Transition;
            var freed = gone.Count > 0 && image.Image.ReferencedBy.Any(gone.Contains);
            after.Add(archived || freed ? image with { Image = Changed(image.Image, archived, gone, now) } : image);
        }

        return after;
    }

    private static LifecycleImage Changed(LifecycleImage image, bool archived, HashSet<string> gone, DateTimeOffset now) => new()
    {
        Id = image.Id,
        Digest = image.Digest,
        Tags = image.Tags,
        PushedAt = image.PushedAt,
        LastPulledAt = image.LastPulledAt,
        Status = archived ? ImageStatus.Archived : image.Status,
        LastArchivedAt = archived ? now : image.LastArchivedAt,
        LastActivatedAt = image.LastActivatedAt,
        ReferencedBy = [.. image.ReferencedBy.Where(list => !gone.Contains(list))],
        Subject = image.Subject,
    };

    private static SimulatedImage Push(SimulatedImage pattern, int number, long id, DateTimeOffset at) => new(
        new LifecycleImage { Id = id, Digest = string.Create(CultureInfo.InvariantCulture, $"push {number}"), Tags = [.. pattern.Image.Tags.Select(tag => Next(tag, number))], PushedAt = at },
        pattern.Size,
        pattern.Blobs.Count == 0 ? [] : [new NamedBlob(-id - 1, pattern.Size)],
        []);

    // The last number in the tag counts on; a tag without one gets a number.
    private static string Next(string tag, int number)
    {
        var end = tag.Length;
        while (end > 0 && !char.IsAsciiDigit(tag[end - 1])) end--;
        var begin = end;
        while (begin > 0 && end - begin < 9 && char.IsAsciiDigit(tag[begin - 1])) begin--;
        return begin == end
            ? string.Create(CultureInfo.InvariantCulture, $"{tag}-{number}")
            : string.Create(CultureInfo.InvariantCulture, $"{tag[..begin]}{int.Parse(tag.AsSpan(begin, end - begin), CultureInfo.InvariantCulture) + (long)number}{tag[end..]}");
    }
}

namespace Longshore.Core.Lifecycle;

/// <summary>
/// The images of one repository that are in use: those that run, what an index that runs lists, and what refers to any of them, however far. Add the
/// reports, then spread: give the dependants of each digest of <see cref="TakeFrontier"/> until there are none.
/// </summary>
public sealed class ImageUses
{
    private readonly Dictionary<string, ImageUse> uses = new(StringComparer.Ordinal);
    private List<string> frontier = [];

    /// <summary>Digests in use so far, and by whom.</summary>
    public IReadOnlyDictionary<string, ImageUse> All => uses;

    /// <summary>Takes up a report that an image runs. All reports come before the first <see cref="TakeFrontier"/>.</summary>
    public void Report(string digest, ImageUser user)
    {
        if (!uses.TryGetValue(digest, out var use))
        {
            uses.Add(digest, new ImageUse(1, [user]));
            frontier.Add(digest);
            return;
        }

        uses[digest] = use.First.Count < ImageUse.MostListed ? new ImageUse(use.Count + 1, [.. use.First, user]) : use with { Count = use.Count + 1 };
    }

    /// <summary>The digests whose dependants have not been given yet; empty when all is spread.</summary>
    public IReadOnlyList<string> TakeFrontier()
    {
        var taken = frontier;
        frontier = [];
        return taken;
    }

    /// <summary>Says that an image in use has a dependant: a manifest that it lists, or one whose subject it is.</summary>
    public void AddDependant(string digest, string dependant)
    {
        if (uses.ContainsKey(dependant) || !uses.TryGetValue(digest, out var use)) return;
        uses.Add(dependant, use with { Through = use.Through ?? digest });
        frontier.Add(dependant);
    }

    /// <summary>Spreads over images that are all in memory.</summary>
    public void Spread(IEnumerable<LifecycleImage> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        var dependants = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (var image in images)
        {
            foreach (var list in image.ReferencedBy) AddTo(list, image.Digest);
            if (image.Subject is { } subject) AddTo(subject, image.Digest);
        }

        for (var taken = TakeFrontier(); taken.Count > 0; taken = TakeFrontier())
        {
            foreach (var digest in taken)
                foreach (var dependant in dependants.GetValueOrDefault(digest, [])) AddDependant(digest, dependant);
        }

        void AddTo(string digest, string dependant)
        {
            if (!dependants.TryGetValue(digest, out var known)) dependants.Add(digest, known = []);
            known.Add(dependant);
        }
    }
}

namespace Longshore.Generator;

/// <summary>What is generated.</summary>
/// <param name="Repositories">Repositories of the same number of images each.</param>
/// <param name="Images">Images in all of these together.</param>
/// <param name="Wide">Images of one more repository, "wide"; 0 for none.</param>
/// <param name="Samples">Images that are told to whoever measures, scattered over all.</param>
/// <param name="Now">The moment of the last push, in microseconds since 1970.</param>
internal sealed record Plan(int Repositories, int Images, int Wide, int Samples, long Now)
{
    /// <summary>Over which the pushes are spread, in microseconds.</summary>
    private const long Span = 400L * 86_400 * 1_000_000;

    /// <summary>All images.</summary>
    public int Total => Images + Wide;

    /// <summary>Which repository the nth push of all goes to (from 0; <see cref="Repositories"/> is the wide one), and the how manieth of it this is.</summary>
    /// <remarks>In turn, as pushes of many teams come: the images of one repository are spread over the whole table.</remarks>
    public (int Repository, int Index) Place(int push)
    {
        var wideBefore = (int)((long)push * Wide / Total);
        var wide = (int)((long)(push + 1) * Wide / Total) > wideBefore;
        return wide ? (Repositories, wideBefore) : ((push - wideBefore) % Repositories, (push - wideBefore) / Repositories);
    }

    /// <summary>Whether it is told to whoever measures: scattered, so that no kind of image is left out.</summary>
    public bool IsSample(int push) => push * 2_654_435_761L % Total < Samples;

    /// <summary>When it was pushed.</summary>
    public long PushedAt(int push) => Now - Span + (long)((double)push / Total * Span);

    /// <summary>The name of a repository.</summary>
    public string NameOf(int repository) => repository == Repositories ? "wide" : FormattableString.Invariant($"team-{repository % 100:00}/service-{repository:000000}");
}

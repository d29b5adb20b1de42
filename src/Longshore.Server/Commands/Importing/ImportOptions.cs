namespace Longshore.Server.Commands.Importing;

/// <summary>What is imported, and how.</summary>
/// <param name="Pattern">Which repositories: a name, or a pattern with stars.</param>
/// <param name="Tags">Which tags: patterns; none for all.</param>
/// <param name="AllImages">Whether untagged images come too, as far as the source lists them.</param>
/// <param name="DryRun">Whether nothing is written.</param>
/// <param name="Parallel">Images at a time.</param>
internal sealed record ImportOptions(string Pattern, IReadOnlyList<string> Tags, bool AllImages, bool DryRun, int Parallel);

/// <summary>What an import came to.</summary>
internal sealed class ImportCounts
{
    private long repositories;
    private long images;
    private long unchanged;
    private long blobs;
    private long blobBytes;
    private long mounted;
    private long there;
    private long times;
    private long compared;
    private long archived;
    private long failed;

    /// <summary>Repositories dealt with.</summary>
    public ref long Repositories => ref repositories;

    /// <summary>Manifests put.</summary>
    public ref long Images => ref images;

    /// <summary>Tags and digests that were there already.</summary>
    public ref long Unchanged => ref unchanged;

    /// <summary>Blobs sent.</summary>
    public ref long Blobs => ref blobs;

    /// <summary>Their bytes.</summary>
    public ref long BlobBytes => ref blobBytes;

    /// <summary>Blobs taken from another repository of the target.</summary>
    public ref long Mounted => ref mounted;

    /// <summary>Blobs that were there.</summary>
    public ref long There => ref there;

    /// <summary>Images whose times were told.</summary>
    public ref long Times => ref times;

    /// <summary>Tags and digests that are the same on both sides.</summary>
    public ref long Compared => ref compared;

    /// <summary>Images that are archived at the source, from where nobody can pull them.</summary>
    public ref long Archived => ref archived;

    /// <summary>How often something could not be done, also beyond those that are named.</summary>
    public ref long Failed => ref failed;

    /// <summary>What the target has otherwise and keeps, a sentence each; the first thousand.</summary>
    public System.Collections.Concurrent.ConcurrentQueue<string> Remarks { get; } = new();

    /// <summary>What could not be done, a sentence each; the first thousand.</summary>
    public System.Collections.Concurrent.ConcurrentQueue<string> Failures { get; } = new();
}

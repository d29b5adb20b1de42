namespace Longshore.Server.Content;

/// <summary>How content is kept.</summary>
internal sealed class ContentOptions
{
    /// <summary>How long an upload lives after its last byte. Default 24 hours; 1 minute to 30 days.</summary>
    public TimeSpan UploadExpiry { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How long a body that no image names yet is safe from collection after a push or mount. Default 24 hours; 0 and up.</summary>
    public TimeSpan BlobLease { get; init; } = TimeSpan.FromHours(24);

    /// <summary>
    /// How long a body stays after the last image that names it went (a client may just have been told that it is there), and then again after it was
    /// condemned. Default 1 hour; 0 and up.
    /// </summary>
    public TimeSpan CollectionGrace { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long images that a lifecycle policy or plan removed can be restored. Default 7 days; 0: not at all; at most 365 days.</summary>
    public TimeSpan RecycleBinLifecycle { get; init; } = TimeSpan.FromDays(7);

    /// <summary>How long images that somebody deleted can be restored. Default 0: not at all; at most 365 days.</summary>
    public TimeSpan RecycleBinDelete { get; init; }
}

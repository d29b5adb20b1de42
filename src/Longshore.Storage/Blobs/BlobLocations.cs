using Longshore.Core;

namespace Longshore.Storage.Blobs;

/// <summary>Locations of bodies by what they are bodies of, for who copies them from one store to another.</summary>
public static class BlobLocations
{
    /// <summary>The location that a body has in a store of files; in another kind of store one at which there is nothing yet.</summary>
    /// <param name="store">The store.</param>
    /// <param name="digest">The body's digest.</param>
    /// <param name="generation">Which of the bodies with this digest.</param>
    /// <param name="size">Its bytes.</param>
    public static string Of(IBlobStore store, Digest digest, long generation, long size) =>
        store is FileSystemBlobStore ? BlobLayout.Location(digest, generation) : S3Layout.Location(S3Layout.NewId(), digest, generation, size);
}

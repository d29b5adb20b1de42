using Longshore.Storage.Blobs;

namespace Longshore.Server.Hosting;

/// <summary>The store of bodies that the options name: the standard area and the archive.</summary>
internal static class BlobStores
{
    /// <summary>Opens both, and creates what directories they lack.</summary>
    public static IBlobStore Open(ServeOptions options, TimeProvider time) =>
        new TieredBlobStore(new FileSystemBlobStore(options.BlobDirectory, time), new FileSystemBlobStore(options.ArchiveDirectory, time));
}

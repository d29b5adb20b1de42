namespace Longshore.Core.Oci;

/// <summary>A reference to content inside a manifest (OCI image specification 1.1, "Descriptor").</summary>
/// <param name="MediaType">Well-formed media type of the content, without parameters.</param>
/// <param name="Digest">Digest of the content.</param>
/// <param name="Size">Size of the content in bytes, at least 0, as the manifest states it.</param>
/// <param name="IsForeign">
/// A layer of a foreign (nondistributable) type with at least one URL: clients fetch it from there, so the repository
/// need not hold it.
/// </param>
public sealed record Descriptor(string MediaType, Digest Digest, long Size, bool IsForeign = false);

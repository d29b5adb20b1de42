namespace Longshore.Server.Backups;

/// <summary>Where the parts of an embedded registry are.</summary>
/// <param name="Data">The data directory.</param>
/// <param name="Database">The database's file.</param>
/// <param name="Blobs">The directory of bodies.</param>
/// <param name="Archive">The directory of archived bodies.</param>
/// <param name="Trail">The directory of the trail.</param>
/// <param name="Credentials">The root key's file; it need not exist.</param>
/// <param name="KeyFile">The key file.</param>
internal sealed record RegistryFiles(string Data, string Database, string Blobs, string Archive, string Trail, string Credentials, string KeyFile);

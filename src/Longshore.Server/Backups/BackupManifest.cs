using System.Text.Json.Serialization;
using Longshore.Server.Content;

namespace Longshore.Server.Backups;

/// <summary>The file that makes a directory a backup: written last, and renamed into place, so that it is there only when everything else is.</summary>
/// <param name="Format">Version of this format: 1.</param>
/// <param name="Set">The directory below <c>sets/</c> that holds the files.</param>
/// <param name="CreatedAt">The moment whose state this is.</param>
/// <param name="FinishedAt">When the last byte was copied.</param>
/// <param name="Counts">What the database holds.</param>
/// <param name="WithKeys">Whether the key file is among the files.</param>
/// <param name="Files">All files but bodies.</param>
/// <param name="Damaged">Digests of bodies that could not be copied, as the registry itself has them no more.</param>
internal sealed record BackupManifest(
    int Format,
    string Set,
    DateTimeOffset CreatedAt,
    DateTimeOffset FinishedAt,
    RegistryCounts Counts,
    bool WithKeys,
    IReadOnlyList<BackupFile> Files,
    IReadOnlyList<string> Damaged)
{
    /// <summary>The only version so far.</summary>
    public const int CurrentFormat = 1;

    /// <summary>The file of the database among <see cref="Files"/>.</summary>
    public const string Database = "registry.db";
}

/// <summary>A file of a backup that is no body.</summary>
/// <param name="Name">Its path in the set.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Sha256">Its digest, in hexadecimal digits.</param>
internal sealed record BackupFile(string Name, long Bytes, string Sha256);

/// <summary>Serialization of the manifest.</summary>
[JsonSerializable(typeof(BackupManifest))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
internal sealed partial class BackupJson : JsonSerializerContext;

/// <summary>A backup cannot be made, read or restored; the message is for people.</summary>
internal sealed class BackupException(string message) : IOException(message);

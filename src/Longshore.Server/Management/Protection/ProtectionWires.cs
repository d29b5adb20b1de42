using System.Text.Json.Serialization;
using Longshore.Core.Lifecycle;
using Longshore.Server.Protection;

namespace Longshore.Server.Management.Protection;

/// <summary>What to protect, and why.</summary>
/// <param name="Owner">Who wants it: told to everybody whom it stops.</param>
/// <param name="Reason">Why.</param>
/// <param name="Repository">A repository or a pattern; only without the query parameter.</param>
/// <param name="Digest">The image, by digest.</param>
/// <param name="TagPattern">The images, by their tags.</param>
/// <param name="Until">When it ends; never unless given.</param>
internal sealed record ProtectionInputWire(
    string Owner, string Reason, string? Repository = null, string? Digest = null, string? TagPattern = null, DateTimeOffset? Until = null);

/// <summary>A protection.</summary>
internal sealed record ProtectionWire(
    string Id,
    string Repository,
    string? Digest,
    string? TagPattern,
    string Owner,
    string Reason,
    DateTimeOffset? Until,
    bool Active,
    DateTimeOffset CreatedAt,
    string CreatedBy,
    DateTimeOffset UpdatedAt)
{
    /// <summary>The protection as it is told.</summary>
    public static ProtectionWire Of(StoredProtection stored, DateTimeOffset now)
    {
        var protection = stored.Protection;
        return new ProtectionWire(
            protection.Id,
            protection.Repository,
            protection.Kind == ProtectionKind.Digest ? protection.Target : null,
            protection.Kind == ProtectionKind.Tag ? protection.Target : null,
            protection.Owner,
            protection.Reason,
            protection.Until,
            protection.IsActive(now),
            stored.CreatedAt,
            stored.CreatedBy,
            stored.UpdatedAt);
    }
}

/// <summary>A page of protections.</summary>
internal sealed record ProtectionListWire(IReadOnlyList<ProtectionWire> Protections, string? NextToken);

/// <summary>Serialization of this slice.</summary>
[JsonSerializable(typeof(ProtectionInputWire))]
[JsonSerializable(typeof(ProtectionWire))]
[JsonSerializable(typeof(ProtectionListWire))]
internal sealed partial class ProtectionJson : JsonSerializerContext
{
    /// <summary>With the options of this API.</summary>
    public static ProtectionJson Wire { get; } = new(ManagementJson.NewOptions());
}

using System.IO.Compression;
using System.Text;

namespace Longshore.Server.Access;

/// <summary>A session that another one came from: ending its principal's sessions ends both.</summary>
/// <param name="PrincipalId">The row of its role or user.</param>
/// <param name="IssuedAt">When it was issued.</param>
internal readonly record struct SessionAncestor(long PrincipalId, DateTimeOffset IssuedAt);

/// <summary>
/// What a session token carries, sealed: all that is known of a session, since nothing of it is stored. The secret of its key is in here,
/// so a ticket is as secret as the token.
/// </summary>
internal sealed record SessionTicket
{
    /// <summary>Most bytes that policies and tags may take, compressed: a hundred percent of <c>PackedPolicySize</c>. It keeps headers below 16 KiB.</summary>
    public const int MaxPackedBytes = 4096;

    private const byte Form = 1;

    /// <summary>The key id: <c>ASIA</c> and sixteen characters.</summary>
    public required string AccessKeyId { get; init; }

    /// <summary>The key's secret: forty characters.</summary>
    public required string Secret { get; init; }

    /// <summary>The row of the role, the user or the root that the session is of.</summary>
    public required long PrincipalId { get; init; }

    /// <summary>The session's name; for GetSessionToken that of the user.</summary>
    public required string Name { get; init; }

    /// <summary>When it was issued, in microseconds.</summary>
    public required DateTimeOffset IssuedAt { get; init; }

    /// <summary>When it ends; whole seconds.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>The long-term key that the session, or the first of its chain, was asked for with; null when that was a web identity.</summary>
    public string? OriginKeyId { get; init; }

    /// <summary>The row of the identity provider that the session, or the first of its chain, was asked for with; null when that was a key.</summary>
    public long? ProviderId { get; init; }

    /// <summary>The provider's ARN; of the session itself alone, not of what is assumed from it.</summary>
    public string? FederatedProvider { get; init; }

    /// <summary>The sessions that it came from, one a principal with the earliest time.</summary>
    public IReadOnlyList<SessionAncestor> Ancestors { get; init; } = [];

    /// <summary>The session policies.</summary>
    public IReadOnlyList<string> Policies { get; init; } = [];

    /// <summary>The session tags.</summary>
    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();

    /// <summary>Keys of those tags that go on to what is assumed from the session.</summary>
    public IReadOnlyList<string> TransitiveTagKeys { get; init; } = [];

    /// <summary>As given to AssumeRole.</summary>
    public string? SourceIdentity { get; init; }

    /// <summary>The key id alone, so that no log can show the secret.</summary>
    public override string ToString() => AccessKeyId;

    /// <summary>How many bytes policies and tags take.</summary>
    public int PackedBytes => HasPacked ? Pack().Length : 0;

    private bool HasPacked => Policies.Count + Tags.Count + TransitiveTagKeys.Count > 0;

    /// <summary>What policies see of it.</summary>
    public SessionGrant ToGrant() => new(Name, IssuedAt, ExpiresAt, Policies, Tags, SourceIdentity, FederatedProvider);

    /// <summary>Writes it.</summary>
    public byte[] Write()
    {
        using var content = new MemoryStream(256);
        using var writer = new BinaryWriter(content, Encoding.UTF8);
        writer.Write(Form);
        writer.Write(AccessKeyId);
        writer.Write(Secret);
        writer.Write(PrincipalId);
        writer.Write(Name);
        writer.Write(IssuedAt.UtcTicks);
        writer.Write(ExpiresAt.ToUnixTimeSeconds());
        writer.Write(OriginKeyId ?? "");
        writer.Write(ProviderId ?? 0);
        writer.Write(FederatedProvider ?? "");
        writer.Write(SourceIdentity ?? "");
        writer.Write7BitEncodedInt(Ancestors.Count);
        foreach (var ancestor in Ancestors)
        {
            writer.Write(ancestor.PrincipalId);
            writer.Write(ancestor.IssuedAt.UtcTicks);
        }

        var packed = HasPacked ? Pack() : [];
        writer.Write7BitEncodedInt(packed.Length);
        writer.Write(packed);
        writer.Flush();
        return content.ToArray();
    }

    /// <summary>Reads what <see cref="Write"/> wrote; it came out of a box that we sealed. Null for a form that this version does not know.</summary>
    public static SessionTicket? Read(BinaryReader reader)
    {
        if (reader.ReadByte() != Form) return null;
        var ticket = new SessionTicket
        {
            AccessKeyId = reader.ReadString(),
            Secret = reader.ReadString(),
            PrincipalId = reader.ReadInt64(),
            Name = reader.ReadString(),
            IssuedAt = new DateTimeOffset(reader.ReadInt64(), TimeSpan.Zero),
            ExpiresAt = DateTimeOffset.FromUnixTimeSeconds(reader.ReadInt64()),
            OriginKeyId = reader.ReadString() is { Length: > 0 } key ? key : null,
            ProviderId = reader.ReadInt64() is var provider and not 0 ? provider : null,
            FederatedProvider = reader.ReadString() is { Length: > 0 } arn ? arn : null,
            SourceIdentity = reader.ReadString() is { Length: > 0 } identity ? identity : null,
            Ancestors = ReadList(reader, static r => new SessionAncestor(r.ReadInt64(), new DateTimeOffset(r.ReadInt64(), TimeSpan.Zero))),
        };
        var packed = reader.ReadBytes(reader.Read7BitEncodedInt());
        return packed.Length == 0 ? ticket : ticket.Unpack(packed);
    }

    private byte[] Pack()
    {
        using var content = new MemoryStream();
        using (var deflate = new DeflateStream(content, CompressionLevel.SmallestSize, leaveOpen: true))
        using (var writer = new BinaryWriter(deflate, Encoding.UTF8))
        {
            writer.Write7BitEncodedInt(Policies.Count);
            foreach (var policy in Policies) writer.Write(policy);
            writer.Write7BitEncodedInt(Tags.Count);
            foreach (var (key, value) in Tags)
            {
                writer.Write(key);
                writer.Write(value);
            }

            writer.Write7BitEncodedInt(TransitiveTagKeys.Count);
            foreach (var key in TransitiveTagKeys) writer.Write(key);
        }

        return content.ToArray();
    }

    private SessionTicket Unpack(byte[] packed)
    {
        using var reader = new BinaryReader(new DeflateStream(new MemoryStream(packed), CompressionMode.Decompress), Encoding.UTF8);
        var policies = ReadList(reader, static r => r.ReadString());
        // Keys of session tags compare without case (IAM User Guide, "Pass session tags in AWS STS").
        var tags = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        for (var count = reader.Read7BitEncodedInt(); count > 0; count--) tags.Add(reader.ReadString(), reader.ReadString());
        return this with { Policies = policies, Tags = tags, TransitiveTagKeys = ReadList(reader, static r => r.ReadString()) };
    }

    private static T[] ReadList<T>(BinaryReader reader, Func<BinaryReader, T> read)
    {
        var items = new T[reader.Read7BitEncodedInt()];
        for (var i = 0; i < items.Length; i++) items[i] = read(reader);
        return items;
    }
}

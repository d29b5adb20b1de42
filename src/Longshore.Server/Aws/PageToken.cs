using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Longshore.Core;

namespace Longshore.Server.Aws;

/// <summary>
/// <c>nextToken</c>: version, eight bytes of a hash of what was asked, and the position after which the next page begins. A
/// token holds nothing secret and gives no rights; the hash binds it to its list, and each list checks the position's form.
/// </summary>
internal readonly struct PageToken
{
    /// <summary>Longest token looked at, in characters; names and tags have at most 300.</summary>
    public const int MaxLength = 1024;

    private const byte Version = 1;
    private const int HeadLength = 9;
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private readonly byte[] head;

    private PageToken(byte[] head) => this.head = head;

    /// <summary>The tokens of one list.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="registry">Where.</param>
    /// <param name="parts">Repository and filters, in the operation's own order.</param>
    public static PageToken For(string operation, RegistryId registry, params ReadOnlySpan<string?> parts)
    {
        var text = new StringBuilder(operation).Append('\0').Append(registry.Account).Append('\0').Append(registry.Region);
        foreach (var part in parts) text.Append('\0').Append(part);
        var head = new byte[HeadLength];
        head[0] = Version;
        SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())).AsSpan(0, HeadLength - 1).CopyTo(head.AsSpan(1));
        return new PageToken(head);
    }

    /// <summary>The token of a position, or null for none.</summary>
    public string? Write(string? position) => position is null ? null : Base64Url.EncodeToString([.. head, .. Encoding.UTF8.GetBytes(position)]);

    /// <summary>The position in a token, null for none. <see cref="ErrorCode.InvalidParameter"/> when this list did not give it.</summary>
    public Outcome<string?> Read(string? token)
    {
        if (token is null) return (string?)null;
        if (token.Length > MaxLength) return Invalid;
        var bytes = new byte[Base64Url.GetMaxDecodedLength(token.Length)];
        if (Base64Url.DecodeFromChars(token, bytes, out var consumed, out var written) != OperationStatus.Done || consumed != token.Length) return Invalid;
        if (written <= HeadLength || !bytes.AsSpan(0, HeadLength).SequenceEqual(head)) return Invalid;
        try
        {
            return StrictUtf8.GetString(bytes, HeadLength, written - HeadLength);
        }
        catch (DecoderFallbackException)
        {
            return Invalid;
        }
    }

    /// <summary>The error of a token that this list did not give.</summary>
    public static RegistryError Invalid { get; } =
        new(ErrorCode.InvalidParameter, "Invalid parameter at 'nextToken' failed to satisfy constraint: 'must be the nextToken of an earlier answer to the same request'");
}

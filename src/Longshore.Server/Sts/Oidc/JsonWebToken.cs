using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;

namespace Longshore.Server.Sts.Oidc;

/// <summary>
/// A JSON Web Token in its compact form (RFC 7515, section 7.1; RFC 7519), taken apart with the caution of RFC 8725. Nothing in it is proved
/// until its signature is.
/// </summary>
internal sealed class JsonWebToken
{
    /// <summary>Longest token looked at, in characters (STS model, clientTokenType).</summary>
    public const int MaxLength = 20_000;

    private const int MaxHeaderBytes = 4096;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 8, AllowDuplicateProperties = false };

    // Members that name a key, or demand what is not understood here: keys come from the provider alone (RFC 8725, section 3.10).
    private static readonly string[] Refused = ["jwk", "jku", "x5u", "x5c", "crit", "b64", "zip"];

    private JsonWebToken(string algorithm, string? keyId, JsonElement claims, byte[] signed, byte[] signature) =>
        (Algorithm, KeyId, Claims, Signed, Signature) = (algorithm, keyId, claims, signed, signature);

    /// <summary><c>RS256</c> or <c>ES256</c>; nothing else gets here.</summary>
    public string Algorithm { get; }

    /// <summary>The id of the key that it says it was signed with.</summary>
    public string? KeyId { get; }

    /// <summary>The claims: a JSON object without repeated members.</summary>
    public JsonElement Claims { get; }

    /// <summary>What the signature is over.</summary>
    public byte[] Signed { get; }

    /// <summary>The signature.</summary>
    public byte[] Signature { get; }

    /// <summary>Takes a token apart; null with the fault when it is none.</summary>
    public static JsonWebToken? Parse(string token, out string fault)
    {
        fault = "The ID Token provided is not a valid JWT.";
        if (token.Length > MaxLength) return null;
        var parts = token.Split('.', 4);
        if (parts.Length != 3 || !TryDecode(parts[0], out var header) || !TryDecode(parts[1], out var payload) || !TryDecode(parts[2], out var signature)) return null;
        if (header.Length > MaxHeaderBytes || !TryParse(header, out var head) || !TryParse(payload, out var claims)) return null;
        foreach (var name in Refused)
        {
            if (!head.TryGetProperty(name, out _)) continue;
            fault = $"The ID Token's header has the member '{name}', which is not accepted.";
            return null;
        }

        // Compared byte by byte: no other spelling of these two, and never an algorithm without a key or with a shared one.
        var algorithm = Text(head, "alg");
        if (algorithm is not ("RS256" or "ES256"))
        {
            fault = "The ID Token is not signed with RS256 or ES256.";
            return null;
        }

        string? keyId = null;
        if (head.TryGetProperty("kid", out var kid))
        {
            if (kid.ValueKind != JsonValueKind.String || kid.GetString() is not { Length: > 0 and <= 512 } id) return null;
            keyId = id;
        }

        return new JsonWebToken(algorithm, keyId, claims, Encoding.ASCII.GetBytes(token[..(parts[0].Length + 1 + parts[1].Length)]), signature);
    }

    /// <summary>A member of text; null when it is absent or something else.</summary>
    public static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>Base64url without padding, in the one spelling that the bytes have (RFC 7515, section 2).</summary>
    public static bool TryDecode(string text, out byte[] bytes)
    {
        bytes = [];
        if (text.Length == 0 || text.AsSpan().ContainsAny(" \t\r\n=")) return false;
        var buffer = new byte[Base64Url.GetMaxDecodedLength(text.Length)];
        if (Base64Url.DecodeFromChars(text, buffer, out var consumed, out var written) != OperationStatus.Done || consumed != text.Length) return false;
        bytes = buffer[..written];
        return text == Base64Url.EncodeToString(bytes);
    }

    /// <summary>A JSON object without repeated members; false for everything else.</summary>
    public static bool TryParse(ReadOnlyMemory<byte> json, out JsonElement value)
    {
        value = default;
        try
        {
            using var document = JsonDocument.Parse(json, Strict);
            if (document.RootElement.ValueKind != JsonValueKind.Object) return false;
            value = document.RootElement.Clone();
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}

using System.Security.Cryptography;
using System.Text.Json;

namespace Longshore.Server.Sts.Oidc;

/// <summary>The public keys of an issuer (RFC 7517): those of its set that can have signed with RS256 or ES256. The others are passed over.</summary>
internal sealed class JsonWebKeys
{
    /// <summary>Most keys of a set looked at.</summary>
    private const int MostKeys = 100;

    private readonly List<Key> keys = [];

    /// <summary>How many keys can be used.</summary>
    public int Count => keys.Count;

    /// <summary>Reads a set; null when it is none.</summary>
    public static JsonWebKeys? Parse(ReadOnlyMemory<byte> json)
    {
        if (!JsonWebToken.TryParse(json, out var root) || !root.TryGetProperty("keys", out var list) || list.ValueKind != JsonValueKind.Array) return null;
        var set = new JsonWebKeys();
        foreach (var item in list.EnumerateArray().Take(MostKeys))
            if (item.ValueKind == JsonValueKind.Object && Read(item) is { } key) set.keys.Add(key);
        return set;
    }

    /// <summary>Whether the set has a key that a token may have been signed with. A token without a key id means the only key of its algorithm.</summary>
    public bool Has(JsonWebToken token) => Candidates(token).Count > 0;

    /// <summary>Whether one of the set's keys signed a token.</summary>
    public bool Verify(JsonWebToken token) => Candidates(token).Any(key => key.Verify(token.Signed, token.Signature));

    private List<Key> Candidates(JsonWebToken token)
    {
        // A key goes with the algorithm of its own kind, whatever the token says (RFC 8725, section 3.1).
        var fitting = keys.Where(key => key.Algorithm == token.Algorithm).ToList();
        if (token.KeyId is { } id) return fitting.FindAll(key => key.Id == id);
        return fitting.Count == 1 ? fitting : [];
    }

    private static Key? Read(JsonElement item)
    {
        if (JsonWebToken.Text(item, "use") is not (null or "sig")) return null;
        // A private or shared key in a public set is nobody's proof.
        if (item.TryGetProperty("d", out _) || item.TryGetProperty("k", out _)) return null;
        var id = JsonWebToken.Text(item, "kid");
        var algorithm = JsonWebToken.Text(item, "alg");
        try
        {
            return JsonWebToken.Text(item, "kty") switch
            {
                "RSA" when algorithm is null or RsaKey.Name => ReadRsa(id, item),
                "EC" when algorithm is null or EcKey.Name => ReadEc(id, item),
                _ => null,
            };
        }
        catch (CryptographicException)
        {
            // The only way that the library tells parameters that make no key.
            return null;
        }
    }

    private static RsaKey? ReadRsa(string? id, JsonElement item)
    {
        if (!TryBytes(item, "n", out var modulus) || !TryBytes(item, "e", out var exponent)) return null;
        // RFC 7518, section 3.3: 2048 bits or more.
        if (modulus.Length is < 256 or > 1024 || modulus[0] == 0 || exponent.Length > 4 || exponent is [0 or 1] || (exponent[^1] & 1) == 0) return null;
        if (modulus.Length == 256 && modulus[0] < 0x80) return null;
        var parameters = new RSAParameters { Modulus = modulus, Exponent = exponent };
        using var probe = RSA.Create(parameters);
        return new RsaKey(id, parameters);
    }

    private static EcKey? ReadEc(string? id, JsonElement item)
    {
        if (JsonWebToken.Text(item, "crv") != "P-256" || !TryBytes(item, "x", out var x) || !TryBytes(item, "y", out var y) || x.Length != 32 || y.Length != 32) return null;
        var parameters = new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = x, Y = y } };
        // Refuses points that are not on the curve.
        using var probe = ECDsa.Create(parameters);
        return new EcKey(id, parameters);
    }

    private static bool TryBytes(JsonElement item, string name, out byte[] bytes)
    {
        bytes = [];
        return JsonWebToken.Text(item, name) is { } text && JsonWebToken.TryDecode(text, out bytes);
    }

    private abstract record Key(string? Id, string Algorithm)
    {
        public abstract bool Verify(byte[] signed, byte[] signature);
    }

    private sealed record RsaKey(string? Id, RSAParameters Parameters) : Key(Id, Name)
    {
        public const string Name = "RS256";

        public override bool Verify(byte[] signed, byte[] signature)
        {
            using var rsa = RSA.Create(Parameters);
            return rsa.VerifyData(signed, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
    }

    private sealed record EcKey(string? Id, ECParameters Parameters) : Key(Id, Name)
    {
        public const string Name = "ES256";

        public override bool Verify(byte[] signed, byte[] signature)
        {
            if (signature.Length != 64) return false;
            using var ec = ECDsa.Create(Parameters);
            return ec.VerifyData(signed, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
    }
}

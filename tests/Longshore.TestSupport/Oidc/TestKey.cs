using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Longshore.TestSupport.Oidc;

/// <summary>A signing key of a test issuer: RSA for RS256, or P-256 for ES256.</summary>
public sealed class TestKey : IDisposable
{
    private readonly RSA? _rsa;
    private readonly ECDsa? _ec;

    private TestKey(string id, RSA? rsa, ECDsa? ec) => (Id, _rsa, _ec) = (id, rsa, ec);

    public string Id { get; }

    public string Algorithm => _rsa is null ? "ES256" : "RS256";

    public static TestKey Rsa(string id, int bits = 2048) => new(id, RSA.Create(bits), null);

    public static TestKey Ec(string id) => new(id, null, ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <summary>The public key as a set lists it (RFC 7517).</summary>
    public JsonObject ToJwk()
    {
        var jwk = new JsonObject { ["kid"] = Id, ["use"] = "sig", ["alg"] = Algorithm };
        if (_rsa is not null)
        {
            var rsa = _rsa.ExportParameters(false);
            jwk["kty"] = "RSA";
            jwk["n"] = Encode(rsa.Modulus!);
            jwk["e"] = Encode(rsa.Exponent!);
        }
        else
        {
            var ec = _ec!.ExportParameters(false);
            jwk["kty"] = "EC";
            jwk["crv"] = "P-256";
            jwk["x"] = Encode(ec.Q.X!);
            jwk["y"] = Encode(ec.Q.Y!);
        }
        return jwk;
    }

    /// <summary>The public key as PEM: what an attacker would use as the secret of HS256.</summary>
    public string ToPem() => _rsa?.ExportSubjectPublicKeyInfoPem() ?? _ec!.ExportSubjectPublicKeyInfoPem();

    /// <summary>A token with these claims.</summary>
    /// <param name="header">Changes the header before it is signed.</param>
    public string Sign(JsonObject claims, Action<JsonObject>? header = null)
    {
        var head = new JsonObject { ["alg"] = Algorithm, ["typ"] = "JWT", ["kid"] = Id };
        header?.Invoke(head);
        return SignRaw(head.ToJsonString(), claims.ToJsonString());
    }

    /// <summary>A token of exactly these texts.</summary>
    public string SignRaw(string header, string payload)
    {
        var input = $"{Encode(Encoding.UTF8.GetBytes(header))}.{Encode(Encoding.UTF8.GetBytes(payload))}";
        var bytes = Encoding.ASCII.GetBytes(input);
        var signature = _rsa?.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            ?? _ec!.SignData(bytes, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        return $"{input}.{Encode(signature)}";
    }

    public static string Encode(ReadOnlySpan<byte> bytes) => Base64Url.EncodeToString(bytes);

    public void Dispose()
    {
        _rsa?.Dispose();
        _ec?.Dispose();
    }
}

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Hosting;

/// <summary>Self-signed certificates as PEM files.</summary>
internal static class TestCertificates
{
    public static (string Cert, string Key) Write(TemporaryDirectory directory, string name, string subject)
    {
        var (cert, key) = (directory.Combine(name + ".crt"), directory.Combine(name + ".key"));
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={subject}", ecdsa, HashAlgorithmName.SHA256);
        var now = TimeProvider.System.GetUtcNow();
        using var made = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
        File.WriteAllText(key, ecdsa.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(cert, made.ExportCertificatePem());
        return (cert, key);
    }
}

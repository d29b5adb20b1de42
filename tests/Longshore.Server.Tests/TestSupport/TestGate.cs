using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Storage.Metadata;
using Microsoft.AspNetCore.Http;

namespace Longshore.Server.Tests.TestSupport;

/// <summary>The real gate over a test's database, without a trail.</summary>
internal static class TestGate
{
    /// <summary>The gate.</summary>
    public static AccessGate Open(IDatabase database, TimeProvider time)
    {
        var version = new AccessVersion();
        return new AccessGate(new PrincipalPolicies(database, version), new ResourcePolicies(database, version), new NoTrail(), time);
    }
}

/// <summary>Keeps nothing.</summary>
internal sealed class NoTrail : ICallTrail
{
    /// <inheritdoc/>
    public ValueTask<RegistryError?> AdmitAsync(CallRecord record, HttpContext http, CancellationToken cancellationToken) => new((RegistryError?)null);
}

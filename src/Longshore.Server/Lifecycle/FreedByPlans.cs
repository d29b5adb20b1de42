using Longshore.Server.Content.Collection;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Lifecycle;

/// <summary>Puts what collection frees on the receipt of the plan that let go of it.</summary>
internal sealed class FreedByPlans : IFreedBytes
{
    /// <inheritdoc/>
    public async ValueTask AddAsync(DbSession session, string planId, long bodies, long bytes) =>
        await session.ExecuteAsync("UPDATE plans SET freed_bytes = freed_bytes + @bytes WHERE id = @plan", ("@bytes", bytes), ("@plan", planId));
}

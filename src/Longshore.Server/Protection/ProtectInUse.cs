using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Protection;

/// <summary>Whether a registry keeps images that are in use from lifecycle policies (table <c>registry_settings</c>); on until it is switched off.</summary>
internal sealed class ProtectInUse(IDatabase database, TimeProvider time)
{
    private const string Name = "protect-in-use";
    private const string On = "on";
    private const string Off = "off";

    /// <summary>What holds for a registry.</summary>
    public ValueTask<bool> GetAsync(RegistryId registry, CancellationToken cancellationToken) =>
        database.ReadAsync(session => GetAsync(session, registry), cancellationToken);

    /// <summary>What holds for a registry, in the caller's transaction.</summary>
    public static async ValueTask<bool> GetAsync(DbSession session, RegistryId registry) => await session.QueryFirstAsync(
        "SELECT value FROM registry_settings WHERE account = @account AND region = @region AND name = @name",
        static row => row.GetString(0),
        ("@account", registry.Account),
        ("@region", registry.Region),
        ("@name", Name)) != Off;

    /// <summary>Switches it.</summary>
    public async ValueTask PutAsync(RegistryId registry, bool value, CancellationToken cancellationToken) => await database.WriteAsync(
        Durability.Synced,
        session => session.ExecuteAsync(
            """
            INSERT INTO registry_settings (account, region, name, value, updated_at) VALUES (@account, @region, @name, @value, @now)
            ON CONFLICT (account, region, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
            """,
            ("@account", registry.Account),
            ("@region", registry.Region),
            ("@name", Name),
            ("@value", value ? On : Off),
            ("@now", time.GetUtcNow().ToDatabase())),
        cancellationToken);
}

using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.RegistrySettings;

/// <summary>Settings of one registry by name: table <c>registry_settings</c>.</summary>
internal static class SettingRows
{
    /// <summary>The value of a setting; null when it was never set.</summary>
    public static ValueTask<string?> FindAsync(DbSession session, RegistryId registry, string name) => session.QueryFirstAsync(
        "SELECT value FROM registry_settings WHERE account = @account AND region = @region AND name = @name",
        static row => row.GetString(0),
        ("@account", registry.Account),
        ("@region", registry.Region),
        ("@name", name));

    /// <summary>Sets a value.</summary>
    public static ValueTask<int> PutAsync(DbSession session, RegistryId registry, string name, string value, DateTimeOffset now) => session.ExecuteAsync(
        """
        INSERT INTO registry_settings (account, region, name, value, updated_at) VALUES (@account, @region, @name, @value, @now)
        ON CONFLICT (account, region, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
        """,
        ("@account", registry.Account),
        ("@region", registry.Region),
        ("@name", name),
        ("@value", value),
        ("@now", now.ToDatabase()));
}

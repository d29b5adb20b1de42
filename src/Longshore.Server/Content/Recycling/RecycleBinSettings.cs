using System.Globalization;
using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Recycling;

/// <summary>How long removed images stay in the bin.</summary>
/// <param name="Lifecycle">Those that a lifecycle policy or plan removed; zero: they go for good.</param>
/// <param name="Delete">Those that somebody deleted; zero: they go for good.</param>
internal sealed record RecycleBinRetention(TimeSpan Lifecycle, TimeSpan Delete);

/// <summary>Retention of the recycle bin: the server's options, unless a registry has its own (table <c>registry_settings</c>, in seconds).</summary>
internal sealed class RecycleBinSettings(IDatabase database, TimeProvider time, ContentOptions options)
{
    /// <summary>Longest retention.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(365);

    private const string LifecycleName = "recycle-bin-lifecycle";
    private const string DeleteName = "recycle-bin-delete";

    /// <summary>What holds for a registry, in the caller's transaction.</summary>
    public async ValueTask<RecycleBinRetention> GetAsync(DbSession session, RegistryId registry)
    {
        var own = await session.QueryAsync(
            "SELECT name, value FROM registry_settings WHERE account = @account AND region = @region AND name IN (@lifecycle, @delete)",
            static row => KeyValuePair.Create(row.GetString(0), TimeSpan.FromSeconds(long.Parse(row.GetString(1), CultureInfo.InvariantCulture))),
            ("@account", registry.Account),
            ("@region", registry.Region),
            ("@lifecycle", LifecycleName),
            ("@delete", DeleteName));
        var retention = new RecycleBinRetention(options.RecycleBinLifecycle, options.RecycleBinDelete);
        foreach (var (name, value) in own) retention = name == LifecycleName ? retention with { Lifecycle = value } : retention with { Delete = value };
        return retention;
    }

    /// <summary>What holds for a registry.</summary>
    public ValueTask<RecycleBinRetention> GetAsync(RegistryId registry, CancellationToken cancellationToken) =>
        database.ReadAsync(session => GetAsync(session, registry), cancellationToken);

    /// <summary>
    /// Gives a registry a retention of its own; null takes it back to the server's options. For images removed from now on. InvalidParameter outside of
    /// 0 to <see cref="Longest"/>.
    /// </summary>
    public async ValueTask<Outcome<RecycleBinRetention>> PutAsync(RegistryId registry, TimeSpan? lifecycle, TimeSpan? delete, CancellationToken cancellationToken)
    {
        foreach (var value in new[] { lifecycle, delete })
            if (value < TimeSpan.Zero || value > Longest)
                return new RegistryError(ErrorCode.InvalidParameter, $"A retention of the recycle bin is 0 to {Longest.TotalSeconds} seconds.");
        return await database.WriteAsync(
            Durability.Synced,
            async session =>
            {
                await PutAsync(session, registry, LifecycleName, lifecycle);
                await PutAsync(session, registry, DeleteName, delete);
                return await GetAsync(session, registry);
            },
            cancellationToken);
    }

    private ValueTask<int> PutAsync(DbSession session, RegistryId registry, string name, TimeSpan? value) => value is null
        ? session.ExecuteAsync(
            "DELETE FROM registry_settings WHERE account = @account AND region = @region AND name = @name",
            ("@account", registry.Account),
            ("@region", registry.Region),
            ("@name", name))
        : session.ExecuteAsync(
            """
            INSERT INTO registry_settings (account, region, name, value, updated_at) VALUES (@account, @region, @name, @value, @now)
            ON CONFLICT (account, region, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
            """,
            ("@account", registry.Account),
            ("@region", registry.Region),
            ("@name", name),
            ("@value", ((long)value.Value.TotalSeconds).ToString(CultureInfo.InvariantCulture)),
            ("@now", time.GetUtcNow().ToDatabase()));
}

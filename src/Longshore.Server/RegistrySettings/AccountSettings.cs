using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.RegistrySettings;

/// <summary>How a registry mounts bodies from one repository into another.</summary>
internal enum BlobMounting
{
    /// <summary>As the distribution specification has it: whatever the source repository holds. What a registry does until it is told.</summary>
    Any,

    /// <summary>As ECR: only what an image of the source repository names.</summary>
    Referenced,

    /// <summary>Not at all: clients are told to upload. What was mounted before stays.</summary>
    Disabled,
}

/// <summary>ECR's account settings (PutAccountSetting): they belong to an account and a region.</summary>
internal sealed class AccountSettings
{
    private const string BlobMountingName = "BLOB_MOUNTING";
    private const string Enabled = "ENABLED";
    private const string Disabled = "DISABLED";

    private static readonly AccountSetting[] Known =
    [
        new("BASIC_SCAN_TYPE_VERSION", ["AWS_NATIVE"], "AWS_NATIVE"),
        new(BlobMountingName, [Enabled, Disabled], Enabled),
        new("REGISTRY_POLICY_SCOPE", ["V1", "V2"], "V2"),
    ];

    private readonly IDatabase database;
    private readonly AccessVersion access;
    private readonly TimeProvider time;
    private readonly RegistryCache<MountingEntry> mounting;

    public AccountSettings(IDatabase database, AccessVersion access, TimeProvider time)
    {
        this.access = access;
        this.database = database;
        this.time = time;
        mounting = new RegistryCache<MountingEntry>(LoadMountingAsync, access, time);
    }

    /// <summary>The value of a setting, its default when it was never put. InvalidParameter for a name that ECR does not know.</summary>
    public async ValueTask<Outcome<string>> GetAsync(RegistryId registry, string name, CancellationToken cancellationToken)
    {
        if (!Find(name).TryGet(out var setting, out var error)) return error;
        return await database.ReadAsync(session => SettingRows.FindAsync(session, registry, setting.Name), cancellationToken) ?? setting.Default;
    }

    /// <summary>Puts a setting. InvalidParameter for a name or value that ECR does not know.</summary>
    public async ValueTask<Outcome<Done>> PutAsync(RegistryId registry, string name, string value, CancellationToken cancellationToken)
    {
        if (!Find(name).TryGet(out var setting, out var error)) return error;
        if (!setting.Values.Contains(value, StringComparer.Ordinal)) return RegistrySettingsErrors.InvalidParameter("value", OneOf(setting.Values));
        await database.WriteAsync(Durability.Synced, session => SettingRows.PutAsync(session, registry, setting.Name, value, time.GetUtcNow()), cancellationToken);
        mounting.Invalidate(registry);
        // The scope of the registry's policy is one of them.
        access.Bump();
        return Done.Value;
    }

    /// <summary>How bodies are mounted; from memory.</summary>
    public async ValueTask<BlobMounting> BlobMountingAsync(RegistryId registry, CancellationToken cancellationToken) =>
        (await mounting.GetAsync(registry, cancellationToken)).Mounting;

    private static Outcome<AccountSetting> Find(string name) => Array.Find(Known, setting => setting.Name == name) is { } found
        ? found
        : RegistrySettingsErrors.InvalidParameter("name", OneOf([.. Known.Select(setting => setting.Name)]));

    private static string OneOf(IReadOnlyList<string> values) => $"Member must satisfy enum value set: [{string.Join(", ", values)}]";

    private async ValueTask<MountingEntry> LoadMountingAsync(RegistryId registry, CancellationToken cancellationToken) =>
        new(await database.ReadAsync(session => SettingRows.FindAsync(session, registry, BlobMountingName), cancellationToken) switch
        {
            Enabled => BlobMounting.Referenced,
            Disabled => BlobMounting.Disabled,
            _ => BlobMounting.Any,
        });

    private sealed record AccountSetting(string Name, IReadOnlyList<string> Values, string Default);

    private sealed record MountingEntry(BlobMounting Mounting);
}

using System.Text.Json;
using System.Text.Json.Serialization;
using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.RegistrySettings;

/// <summary>Keeps the scanning configuration of each registry.</summary>
internal sealed class ScanningConfigurations(IDatabase database, TimeProvider time)
{
    private const string Name = "SCANNING_CONFIGURATION";

    /// <summary>The configuration of a registry.</summary>
    public async ValueTask<ScanningConfiguration> GetAsync(RegistryId registry, CancellationToken cancellationToken) =>
        await database.ReadAsync(session => SettingRows.FindAsync(session, registry, Name), cancellationToken) is { } text
            ? JsonSerializer.Deserialize(text, ScanningJson.Default.ScanningConfiguration)!
            : ScanningConfiguration.Default;

    /// <summary>Replaces the configuration. InvalidParameter.</summary>
    public async ValueTask<Outcome<Done>> PutAsync(RegistryId registry, ScanningConfiguration configuration, CancellationToken cancellationToken)
    {
        if (configuration.Check() is { } error) return error;
        var text = JsonSerializer.Serialize(configuration, ScanningJson.Default.ScanningConfiguration);
        await database.WriteAsync(Durability.Synced, session => SettingRows.PutAsync(session, registry, Name, text, time.GetUtcNow()), cancellationToken);
        return Done.Value;
    }
}

/// <summary>The stored form of a scanning configuration.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(ScanningConfiguration))]
internal sealed partial class ScanningJson : JsonSerializerContext;

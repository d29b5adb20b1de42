using System.Text.Json.Serialization;
using Longshore.Core;
using Longshore.Server.Protection;

namespace Longshore.Server.Management.Settings;

/// <summary>Our own settings of a registry. A change names what it changes; what is left out stays.</summary>
/// <param name="ProtectInUse">Whether images that a usage source reports are kept from lifecycle policies.</param>
internal sealed record RegistrySettingsWire(bool? ProtectInUse = null);

/// <summary>The settings of a registry.</summary>
internal static class SettingsOperations
{
    private const string Path = "settings";
    private const string Tag = "Settings";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ManagementOperation> All { get; } =
    [
        ManagementOperation.Of<ProtectInUse, RegistrySettingsWire>(
            new(HttpMethods.Get, Path, "GetSettings", ManagementScope.Registry, Tag, "Tells the settings of the registry that are Longshore's own."),
            SettingsJson.Wire.RegistrySettingsWire,
            GetAsync),
        ManagementOperation.Of<ProtectInUse, RegistrySettingsWire, RegistrySettingsWire>(
            new(HttpMethods.Put, Path, "PutSettings", ManagementScope.Registry, Tag, "Changes the settings that the body names, and tells all of them."),
            SettingsJson.Wire.RegistrySettingsWire,
            SettingsJson.Wire.RegistrySettingsWire,
            static async (settings, call, input, token) =>
            {
                if (input.ProtectInUse is { } value) await settings.PutAsync(call.Registry, value, token);
                return await GetAsync(settings, call, token);
            }),
    ];

    private static async ValueTask<Outcome<RegistrySettingsWire>> GetAsync(ProtectInUse settings, ManagementCall call, CancellationToken cancellationToken) =>
        new RegistrySettingsWire(await settings.GetAsync(call.Registry, cancellationToken));
}

/// <summary>Serialization of this slice.</summary>
[JsonSerializable(typeof(RegistrySettingsWire))]
internal sealed partial class SettingsJson : JsonSerializerContext
{
    /// <summary>With the options of this API.</summary>
    public static SettingsJson Wire { get; } = new(ManagementJson.NewOptions());
}

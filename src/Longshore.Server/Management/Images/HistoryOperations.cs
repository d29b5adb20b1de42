using System.Text.Json.Serialization;
using Longshore.Core;
using Longshore.Server.Content;

namespace Longshore.Server.Management.Images;

/// <summary>The times that an image had where it came from.</summary>
/// <param name="PushedAt">When it was pushed there.</param>
/// <param name="LastPulledAt">When it was last pulled there.</param>
internal sealed record ImageHistoryInputWire(DateTimeOffset? PushedAt = null, DateTimeOffset? LastPulledAt = null);

/// <summary>The times of an image, as policies see them.</summary>
/// <param name="Repository">Where.</param>
/// <param name="Digest">The image.</param>
/// <param name="PushedAt">When it was pushed.</param>
/// <param name="LastPulledAt">When it was last pulled.</param>
internal sealed record ImageHistoryWire(string Repository, string Digest, DateTimeOffset PushedAt, DateTimeOffset? LastPulledAt);

/// <summary>Push and pull times of imported images.</summary>
internal static class HistoryOperations
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<ManagementOperation> All { get; } =
    [
        ManagementOperation.Of<ImageHistory, ImageHistoryInputWire, ImageHistoryWire>(
            new(HttpMethods.Put, "images/history", "PutImageHistory", ManagementScope.Repository, "Images", "Tells an imported image when it was pushed and last pulled where it came from.")
            {
                Details = "`pushedAt` moves the push time back; one that is not earlier changes nothing. `lastPulledAt` counts when it is later than what is recorded. "
                    + "Neither may lie in the future. Lifecycle policies go by these times.",
                Parameters = [ManagementParameter.Query("digest", "The image, by digest.", required: true)],
            },
            HistoryJson.Wire.ImageHistoryInputWire,
            HistoryJson.Wire.ImageHistoryWire,
            static async (history, call, input, token) =>
            {
                if (!Digest.TryParse(call.Given("digest"), out var digest)) return new RegistryError(ErrorCode.DigestInvalid, $"'{call.Given("digest")}' is not a digest.");
                if (input.PushedAt is null && input.LastPulledAt is null) return new RegistryError(ErrorCode.InvalidParameter, "Give pushedAt, lastPulledAt, or both.");
                return (await history.SetAsync(call.Registry, call.Name, digest, input.PushedAt, input.LastPulledAt, token)).TryGet(out var times, out var error)
                    ? new ImageHistoryWire(call.Name.Value, times.Digest.Value, times.PushedAt, times.LastPulledAt)
                    : error;
            }),
    ];
}

/// <summary>Serialization of this slice.</summary>
[JsonSerializable(typeof(ImageHistoryInputWire))]
[JsonSerializable(typeof(ImageHistoryWire))]
internal sealed partial class HistoryJson : JsonSerializerContext
{
    /// <summary>With the options of this API.</summary>
    public static HistoryJson Wire { get; } = new(ManagementJson.NewOptions());

    /// <summary>For commands, that read answers.</summary>
    public static HistoryJson Client { get; } = new(ManagementJson.NewClientOptions());
}

namespace Longshore.Server.Content;

/// <summary>ECR's rule that only the last part of a layer may be under 5 MiB, as a state that each part moves on (column <c>uploads.part_state</c>).</summary>
internal static class LayerParts
{
    /// <summary>Smallest part but the last, in bytes: 5 MiB (ECR API, LayerPartTooSmallException).</summary>
    public const long MinBytes = 5 * 1024 * 1024;

    /// <summary>What ECR recommends clients to send (InitiateLayerUpload, partSize): 10 MiB.</summary>
    public const long RecommendedBytes = 10 * 1024 * 1024;

    /// <summary>No part was too small so far.</summary>
    public const long Fine = 0;

    /// <summary>The last part was under the minimum: no other may follow.</summary>
    public const long ShortPart = 1;

    /// <summary>A part followed a short one: the upload cannot be completed.</summary>
    public const long ShortPartFollowed = 2;

    /// <summary>The state after a part of <paramref name="bytes"/>.</summary>
    public static long Next(long state, long bytes) => state != Fine ? ShortPartFollowed : bytes < MinBytes ? ShortPart : Fine;
}

namespace Longshore.Server.Aws;

/// <summary>
/// A bound on the memory that bodies of API requests take together. A signature covers the whole body, so bodies are held before anybody
/// is known for sure. What is counted is what has arrived, not what was announced.
/// </summary>
/// <param name="capacity">Bytes.</param>
internal sealed class BodyMemory(long capacity)
{
    private long used;

    /// <summary>For bodies that carry layer parts and manifests: a quarter of the memory there is, from 64 to 256 MiB.</summary>
    public static BodyMemory Large { get; } = new(Math.Clamp(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4, 64L << 20, 256L << 20));

    /// <summary>For all other bodies, which large ones must not crowd out.</summary>
    public static BodyMemory Small { get; } = new(64L << 20);

    /// <summary>Bytes in use.</summary>
    public long Used => Volatile.Read(ref used);

    /// <summary>Takes memory; false when there is not as much left.</summary>
    public bool TryTake(int bytes)
    {
        if (Interlocked.Add(ref used, bytes) <= capacity) return true;
        Return(bytes);
        return false;
    }

    /// <summary>Gives memory back.</summary>
    public void Return(int bytes) => Interlocked.Add(ref used, -bytes);
}

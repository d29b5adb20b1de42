namespace Longshore.Core.Lifecycle;

/// <summary>A body that an image names.</summary>
/// <param name="Id">Key of the caller.</param>
/// <param name="Size">Bytes.</param>
public readonly record struct NamedBlob(long Id, long Size);

/// <summary>How often a body is named.</summary>
/// <param name="InRepository">By images of the repository of the plan.</param>
/// <param name="Everywhere">By images of all repositories on the server.</param>
/// <param name="Held">Whether something else holds it: the recycle bin.</param>
public readonly record struct BlobUses(int InRepository, int Everywhere, bool Held);

/// <summary>Bytes that go with an image.</summary>
/// <param name="Logical">What ECR would no longer bill: bodies that no image of the repository names any more.</param>
/// <param name="Physical">What the disk gets back: bodies that nothing on the server names any more.</param>
public readonly record struct ImageBytes(long Logical, long Physical);

/// <summary>The bytes that removing a set of images frees, to the byte: a shared body counts once, with the last image that names it.</summary>
public static class FreedBytes
{
    /// <summary>Bytes for each image, in their order.</summary>
    /// <param name="removed">The bodies that each removed image names; each body once an image.</param>
    /// <param name="usesOf">How often a body is named in all; asked once a body, with how often the removed images name it.</param>
    public static IReadOnlyList<ImageBytes> Of(IReadOnlyList<IReadOnlyList<NamedBlob>> removed, Func<NamedBlob, int, BlobUses> usesOf)
    {
        ArgumentNullException.ThrowIfNull(removed);
        ArgumentNullException.ThrowIfNull(usesOf);
        var named = new Dictionary<long, (int All, int Last)>();
        for (var i = 0; i < removed.Count; i++)
            foreach (var blob in removed[i]) named[blob.Id] = (named.GetValueOrDefault(blob.Id).All + 1, i);
        var bytes = new ImageBytes[removed.Count];
        for (var i = 0; i < bytes.Length; i++)
        {
            foreach (var blob in removed[i])
            {
                var (all, last) = named[blob.Id];
                if (last != i) continue;
                var uses = usesOf(blob, all);
                bytes[i] = new ImageBytes(
                    bytes[i].Logical + (uses.InRepository == all ? blob.Size : 0),
                    bytes[i].Physical + (uses.Everywhere == all && !uses.Held ? blob.Size : 0));
            }
        }

        return bytes;
    }
}

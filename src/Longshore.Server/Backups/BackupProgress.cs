using Longshore.Server.Content;

namespace Longshore.Server.Backups;

/// <summary>How far a backup, a restore or the look at a backup is.</summary>
/// <param name="Step">What is being done, for people.</param>
/// <param name="Bodies">Bodies dealt with.</param>
/// <param name="OfBodies">Bodies in all.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="OfBytes">Bytes in all.</param>
internal readonly record struct BackupProgress(string Step, long Bodies, long OfBodies, long Bytes, long OfBytes);

/// <summary>What was done.</summary>
/// <param name="Counts">What the registry in the copy holds.</param>
/// <param name="CopiedBodies">Bodies that were copied.</param>
/// <param name="CopiedBytes">Their bytes.</param>
/// <param name="RemovedBodies">Bodies of an earlier backup that went, because this one names them no more.</param>
/// <param name="Damaged">Bodies that are missing or damaged where they were copied from.</param>
/// <param name="WithKeys">Whether the key file is in the copy.</param>
internal sealed record BackupResult(RegistryCounts Counts, long CopiedBodies, long CopiedBytes, long RemovedBodies, IReadOnlyList<string> Damaged, bool WithKeys)
{
    /// <summary>Adds up what a <see cref="BodyCopier"/> tells.</summary>
    internal sealed class Sum(string step, RegistryCounts counts, Action<BackupProgress> progress)
    {
        private readonly List<string> damaged = [];
        private long copied;
        private long copiedBytes;
        private long bodies;
        private long bytes;

        /// <summary>Takes one body.</summary>
        public void Add(CopiedBody body, BodyCopy result)
        {
            if (result == BodyCopy.Copied) (copied, copiedBytes) = (copied + 1, copiedBytes + body.Size);
            if (result == BodyCopy.Damaged) damaged.Add(body.Digest.Value);
            (bodies, bytes) = (bodies + 1, bytes + body.Size);
            progress(new BackupProgress(step, bodies, counts.Bodies, bytes, counts.BodyBytes));
        }

        /// <summary>The sum.</summary>
        public BackupResult End(long removed, bool withKeys) => new(counts, copied, copiedBytes, removed, damaged, withKeys);
    }
}

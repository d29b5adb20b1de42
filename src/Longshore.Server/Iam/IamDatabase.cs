using System.Text;
using Longshore.Server.Access;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Iam;

/// <summary>Runs the work of IAM: reads in one snapshot, writes in one transaction that an error undoes as a whole.</summary>
internal sealed class IamDatabase(IDatabase database, AccessVersion version, SealedBox box, TimeProvider time)
{
    /// <summary>Runs a read.</summary>
    public ValueTask<IamOutcome<T>> ReadAsync<T>(string account, Principal caller, Func<IamContext, ValueTask<IamOutcome<T>>> work, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        return database.ReadSnapshotAsync(session => work(new IamContext(session, account, caller, now, Seal)), cancellationToken);
    }

    /// <summary>Runs a write; what was concluded from the tables before is void afterwards.</summary>
    public async ValueTask<IamOutcome<T>> WriteAsync<T>(string account, Principal caller, Func<IamContext, ValueTask<IamOutcome<T>>> work, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        try
        {
            return await database.WriteAsync(
                Durability.Synced,
                async session =>
                {
                    var outcome = await work(new IamContext(session, account, caller, now, Seal));
                    return outcome.Error is { } error ? throw new UndoException(error) : outcome;
                },
                cancellationToken);
        }
        catch (UndoException undone)
        {
            return undone.Error;
        }
        finally
        {
            version.Bump();
        }
    }

    /// <summary>Seals the secret of an access key for its row; the key id is the context, so that a box copied to another row does not open.</summary>
    public byte[] Seal(RootCredentials key) =>
        box.Seal(PrincipalStore.SecretPurpose, Encoding.UTF8.GetBytes(key.SecretAccessKey), Encoding.UTF8.GetBytes(key.AccessKeyId));

    // An expected failure that leaves a transaction: throwing is how the database is told to roll back.
    private sealed class UndoException(IamError error) : Exception
    {
        public IamError Error => error;
    }
}

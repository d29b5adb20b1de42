using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Access;

/// <summary>An account of this server.</summary>
/// <param name="Id">Twelve digits.</param>
/// <param name="CreatedAt">When its root came to be.</param>
internal sealed record RegistryAccount(string Id, DateTimeOffset CreatedAt);

/// <summary>Accounts: there is one for every root. Registries, users and policies of one are never seen by another unless its policies say so.</summary>
internal sealed class AccountStore(IDatabase database, PrincipalStore principals)
{
    /// <summary>Makes an account, with a key of its root that is told this once; null for an account whose root has a usable key already. InvalidParameter.</summary>
    public async ValueTask<Outcome<RootCredentials?>> CreateAsync(string account, CancellationToken cancellationToken) =>
        (await principals.EnsureRootAsync(account, null, cancellationToken)).TryGet(out var setup, out var error) ? Outcome<RootCredentials?>.Of(setup.Credentials) : error;

    /// <summary>A page of accounts in order of ids.</summary>
    public ValueTask<List<RegistryAccount>> ListAsync(string after, long rows, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync(
            "SELECT account, created_at FROM principals WHERE kind = 'root' AND account > @after ORDER BY account LIMIT @rows",
            static row => new RegistryAccount(row.GetString(0), row.GetTime(1)), ("@after", after), ("@rows", rows)),
        cancellationToken);
}

using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Access;

/// <summary>Finds principals by the ARNs that policies and people name them with.</summary>
internal sealed class PrincipalLookup(IDatabase database)
{
    private const string HypotheticalSession = "explain";

    /// <summary>
    /// The root, the user, or a session of the role that an ARN names: <c>arn:aws:iam::ACCOUNT:root|user/…|role/…</c> or
    /// <c>arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION</c>. InvalidParameter when it names none that is here.
    /// </summary>
    /// <param name="arn">The ARN; also <c>root</c>, <c>user/NAME</c> and <c>role/NAME</c> of an account.</param>
    /// <param name="home">That account.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    public async ValueTask<Outcome<Principal>> FindAsync(string arn, string home, CancellationToken cancellationToken)
    {
        if (arn == "root" || arn.StartsWith("user/", StringComparison.Ordinal) || arn.StartsWith("role/", StringComparison.Ordinal)) arn = $"arn:aws:iam::{home}:{arn}";
        if (arn.Split(':', 6) is not ["arn", _, var service, _, var account, var resource] || !RegistryId.IsAccount(account)) return NoSuch(arn);
        var (kind, name, session) = (service, resource.Split('/')) switch
        {
            ("iam", ["root"]) => ("root", "root", ""),
            ("iam", ["user", .., var user]) => ("user", user, ""),
            ("iam", ["role", .., var role]) => ("role", role, HypotheticalSession),
            ("sts", ["assumed-role", var role, var given]) => ("role", role, given),
            _ => ("", "", ""),
        };
        if (kind.Length == 0) return NoSuch(arn);
        var found = await database.ReadAsync(
            db => db.QueryFirstAsync(
                "SELECT id, name, path, unique_id FROM principals WHERE account = @account AND kind = @kind AND name_key = @name",
                static row => new Row(row.GetInt64(0), row.GetString(1), row.GetString(2), row.GetString(3)),
                ("@account", account), ("@kind", kind), ("@name", name.ToLowerInvariant())),
            cancellationToken);
        if (found is null) return NoSuch(arn);
        return kind switch
        {
            "root" => new Principal(PrincipalKind.Root, account, $"arn:aws:iam::{account}:root", found.UniqueId) { Id = found.Id, Name = found.Name },
            "user" => new Principal(PrincipalKind.User, account, $"arn:aws:iam::{account}:user{found.Path}{found.Name}", found.UniqueId) { Id = found.Id, Name = found.Name },
            _ => new Principal(PrincipalKind.RoleSession, account, $"arn:aws:sts::{account}:assumed-role/{found.Name}/{session}", $"{found.UniqueId}:{session}")
            {
                Id = found.Id,
                Name = found.Name,
                RoleArn = $"arn:aws:iam::{account}:role{found.Path}{found.Name}",
            },
        };
    }

    private static RegistryError NoSuch(string arn) => new(
        ErrorCode.InvalidParameter,
        $"Invalid parameter at 'principal' failed to satisfy constraint: '{arn} is no root, user or role that is known here; write arn:aws:iam::ACCOUNT:user/NAME'");

    private sealed record Row(long Id, string Name, string Path, string UniqueId);
}

using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Access;

/// <summary>Ends all sessions of a role or user at once: those issued until now, what was assumed from them, and their registry tokens.</summary>
internal sealed class SessionRevocation(IDatabase database, AccessVersion version, TimeProvider time, ILogger<SessionRevocation> logger)
{
    /// <summary>Revokes. InvalidParameter when the account has no such role or user.</summary>
    /// <param name="account">The account that the caller may speak for.</param>
    /// <param name="principalArn">ARN of a role, a user or the root, as IAM has it.</param>
    /// <param name="cancellationToken">Ends with the request.</param>
    /// <returns>Sessions issued before this time are refused.</returns>
    public async ValueTask<Outcome<DateTimeOffset>> RevokeAsync(string account, string principalArn, CancellationToken cancellationToken)
    {
        var parts = principalArn.Split(':', 6);
        if (parts is not ["arn", "aws", "iam", "", var owner, var resource] || owner != account) return Unknown;
        var slash = resource.IndexOf('/', StringComparison.Ordinal);
        var lastSlash = resource.LastIndexOf('/');
        var (kind, path, name) = slash < 0 ? (resource, "/", resource) : (resource[..slash], resource[slash..(lastSlash + 1)], resource[(lastSlash + 1)..]);
        if (kind is not ("role" or "user" or "root")) return Unknown;

        // The microsecond after this one: what was issued in this one ends too.
        var from = DbTime.FromDatabase(time.GetUtcNow().ToDatabase() + 1);
        var changed = await database.WriteAsync(
            Durability.Synced,
            session => session.ExecuteAsync(
                """
                UPDATE principals SET sessions_valid_from = @from
                WHERE account = @account AND kind = @kind AND name = @name AND path = @path AND (sessions_valid_from IS NULL OR sessions_valid_from < @from)
                """,
                ("@from", from.ToDatabase()), ("@account", account), ("@kind", kind), ("@name", name), ("@path", path)),
            cancellationToken);
        version.Bump();
        if (changed == 0) return Unknown;
        logger.SessionsRevoked(principalArn);
        return from;
    }

    private static RegistryError Unknown { get; } =
        new(ErrorCode.InvalidParameter, "principalArn must be the ARN of a role, a user or the root of the account, as IAM has it: arn:aws:iam::ACCOUNT:role/PATH/NAME.");
}

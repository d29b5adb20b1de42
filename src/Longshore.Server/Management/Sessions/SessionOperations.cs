using System.Text.Json.Serialization;
using Longshore.Core;
using Longshore.Server.Access;

namespace Longshore.Server.Management.Sessions;

/// <summary>Sessions of roles and users, which AWS ends by a policy that every later request is put before; here they end themselves.</summary>
internal static class SessionOperations
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<ManagementOperation> All { get; } =
    [
        ManagementOperation.Of<SessionRevocation, SessionsToRevokeWire, RevokedSessionsWire>(
            new(HttpMethods.Post, "sessions/revoke", "RevokeSessions", ManagementScope.Registry, "Sessions", "Ends all sessions of a role or user that were issued until now.")
            {
                Details = "`principalArn` is the ARN of a role, a user or the root of the account, as IAM has it. Sessions that were assumed from those that end, and the registry "
                    + "tokens of all of them, end too, at once. Sessions that are issued later are good: to keep somebody out, change the trust policy or disable the access key first.",
            },
            SessionJson.Wire.SessionsToRevokeWire,
            SessionJson.Wire.RevokedSessionsWire,
            static async (revocation, call, input, token) =>
            {
                if (input.PrincipalArn is not { Length: > 0 } arn) return new RegistryError(ErrorCode.InvalidParameter, "principalArn must be given.");
                return (await revocation.RevokeAsync(call.Registry.Account, arn, token)).TryGet(out var from, out var error) ? new RevokedSessionsWire(arn, from) : error;
            }),
    ];
}

/// <summary>Whose sessions are to end.</summary>
/// <param name="PrincipalArn">A role, a user or the root.</param>
internal sealed record SessionsToRevokeWire(string? PrincipalArn = null);

/// <summary>Whose sessions have ended.</summary>
/// <param name="PrincipalArn">The role, the user or the root.</param>
/// <param name="SessionsValidFrom">Sessions issued before are refused.</param>
internal sealed record RevokedSessionsWire(string PrincipalArn, DateTimeOffset SessionsValidFrom);

/// <summary>Serialization of this slice.</summary>
[JsonSerializable(typeof(SessionsToRevokeWire))]
[JsonSerializable(typeof(RevokedSessionsWire))]
internal sealed partial class SessionJson : JsonSerializerContext
{
    /// <summary>With the options of this API.</summary>
    public static SessionJson Wire { get; } = new(ManagementJson.NewOptions());
}

using Longshore.Core;

namespace Longshore.Server.Access;

/// <summary>What the host does about access at start, in one call, before it takes requests.</summary>
internal sealed class RootStart(PrincipalStore principals)
{
    /// <summary>
    /// Loads the server keys and makes sure that the account has a root key: the operator's when both values are given, else a
    /// generated one when there is none yet, left in a credentials file. The operator's key is written nowhere.
    /// </summary>
    /// <param name="account">The account, twelve digits.</param>
    /// <param name="accessKeyId">LONGSHORE_ROOT_ACCESS_KEY_ID; null or empty when not set.</param>
    /// <param name="secretAccessKey">LONGSHORE_ROOT_SECRET_ACCESS_KEY; null or empty when not set.</param>
    /// <param name="credentialsPath">Where a generated key is written; see <see cref="CredentialsFile"/>.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <returns>What was done; <see cref="ErrorCode.InvalidParameter"/> when a value is missing or malformed, or the key is another's.</returns>
    public async ValueTask<Outcome<RootSetup>> RunAsync(
        string account, string? accessKeyId, string? secretAccessKey, string credentialsPath, CancellationToken cancellationToken)
    {
        RootCredentials? given = null;
        // Compose files pass unset variables on as empty ones.
        if (!string.IsNullOrEmpty(accessKeyId) || !string.IsNullOrEmpty(secretAccessKey))
        {
            if (!RootCredentials.Parse(accessKeyId, secretAccessKey).TryGet(out given, out var error)) return error;
        }

        return await principals.EnsureRootAsync(
            account, given, (generated, cancellation) => CredentialsFile.WriteAsync(credentialsPath, generated, cancellation), cancellationToken);
    }
}

using Longshore.Storage.Metadata;

namespace Longshore.Server.Sts.Oidc;

/// <summary>An identity provider of an account.</summary>
/// <param name="Id">The row.</param>
/// <param name="Account">The account.</param>
/// <param name="Url">The issuer without <c>https://</c>, as ARNs and condition keys have it.</param>
/// <param name="ClientIds">The audiences that are accepted.</param>
/// <param name="Thumbprints">SHA-1 of certificates that are trusted for this provider, in lower-case hexadecimal.</param>
/// <param name="PinnedKeys">A JSON Web Key Set; when given, nothing is fetched.</param>
internal sealed record OidcProvider(long Id, string Account, string Url, IReadOnlyList<string> ClientIds, IReadOnlyList<string> Thumbprints, string? PinnedKeys)
{
    /// <summary>The issuer as its tokens name it.</summary>
    public string Issuer => "https://" + Url;

    /// <summary>The ARN.</summary>
    public string Arn => $"arn:aws:iam::{Account}:oidc-provider/{Url}";

    /// <summary>Whether keys that were got for another state of the provider are good for this one.</summary>
    public bool HasSameTrust(OidcProvider other) => Url == other.Url && PinnedKeys == other.PinnedKeys && Thumbprints.SequenceEqual(other.Thumbprints);
}

/// <summary>Reads identity providers.</summary>
internal sealed class OidcProviders(IDatabase database)
{
    /// <summary>The provider of an account with this issuer; null when there is none.</summary>
    public ValueTask<OidcProvider?> FindAsync(string account, string issuer, CancellationToken cancellationToken)
    {
        const string Scheme = "https://";
        if (!issuer.StartsWith(Scheme, StringComparison.Ordinal)) return new((OidcProvider?)null);
        return database.ReadAsync(
            session => session.QueryFirstAsync(
                "SELECT id, account, url, client_ids, thumbprints, pinned_keys FROM oidc_providers WHERE account = @account AND url = @url",
                static row => new OidcProvider(
                    row.GetInt64(0), row.GetString(1), row.GetString(2), Lines(row.GetString(3)), [.. Lines(row.GetString(4)).Select(static t => t.ToLowerInvariant())], row.GetStringOrNull(5)),
                ("@account", account), ("@url", issuer[Scheme.Length..])),
            cancellationToken);
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}

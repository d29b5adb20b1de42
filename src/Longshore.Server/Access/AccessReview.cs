using System.Globalization;
using Longshore.Core;
using Longshore.Core.Policies;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Access;

/// <summary>A grant that is too wide, or one that nobody uses.</summary>
/// <param name="Code">For programs: <c>wildcard-actions</c>, <c>unused-key</c> and so on.</param>
/// <param name="Severity">How much it weighs.</param>
/// <param name="Where">The policy, key or role.</param>
/// <param name="Message">What is wrong with it.</param>
/// <param name="Fix">What to do.</param>
internal sealed record AccessFinding(string Code, RemarkSeverity Severity, string Where, string Message, string Fix);

/// <summary>A part of a review.</summary>
/// <param name="Findings">What was found.</param>
/// <param name="Next">Where the next part begins; null after the last.</param>
internal sealed record AccessReviewPage(IReadOnlyList<AccessFinding> Findings, string? Next);

/// <summary>
/// Looks through everything that grants access in a registry's account, a batch of rows at a time: identity policies, keys and roles by their
/// last use, trust policies, the policies of repositories and of the registry.
/// </summary>
internal sealed class AccessReview(IDatabase database, TimeProvider time)
{
    /// <summary>Rows that are looked at for one page.</summary>
    private const int Batch = 200;

    private static readonly Section[] Sections = [InlineAsync, AttachedAsync, ManagedAsync, TrustAsync, KeysAsync, RolesAsync, RepositoriesAsync, RegistryAsync];

    private delegate Task<(List<AccessFinding> Findings, string? Next)> Section(DbSession session, Scope scope, string after);

    /// <summary>A page of findings. InvalidParameter for a position that no page gave.</summary>
    /// <param name="registry">The registry; identity policies are those of its account.</param>
    /// <param name="unusedFor">How long a key or role must not have been used to be told.</param>
    /// <param name="after">Where to go on; null at first.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    public async ValueTask<Outcome<AccessReviewPage>> CheckAsync(RegistryId registry, TimeSpan unusedFor, string? after, CancellationToken cancellationToken)
    {
        var (index, position) = (0, "");
        if (after is not null)
        {
            var parts = after.Split('\n', 2);
            if (parts.Length != 2 || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out index) || index >= Sections.Length)
                return new RegistryError(ErrorCode.InvalidParameter, "Invalid parameter at 'nextToken' failed to satisfy constraint: 'must be the nextToken of an earlier answer to the same request'");
            position = parts[1];
        }

        var scope = new Scope(registry, time.GetUtcNow() - unusedFor);
        var (findings, next) = await database.ReadAsync(session => new ValueTask<(List<AccessFinding>, string?)>(Sections[index](session, scope, position)), cancellationToken);
        if (next is not null) return new AccessReviewPage(findings, $"{index}\n{next}");
        return new AccessReviewPage(findings, index + 1 < Sections.Length ? $"{index + 1}\n" : null);
    }

    private static async Task<(List<AccessFinding>, string?)> InlineAsync(DbSession session, Scope scope, string after)
    {
        var (id, name) = After(after);
        var rows = await session.QueryAsync(
            """
            SELECT i.principal_id, i.name, p.kind, p.name, i.document FROM principals p JOIN inline_policies i ON i.principal_id = p.id
            WHERE p.account = @account AND (i.principal_id > @id OR (i.principal_id = @id AND i.name > @name)) ORDER BY i.principal_id, i.name LIMIT @limit
            """,
            static row => (Id: row.GetInt64(0), Name: row.GetString(1), Where: $"{row.GetString(1)} (inline policy of {row.GetString(2)} {row.GetString(3)})", Text: row.GetString(4)),
            ("@account", scope.Registry.Account), ("@id", id), ("@name", name), ("@limit", (long)Batch));
        return (
            [.. rows.SelectMany(row => Of(row.Where, row.Text, PolicyKind.Identity, scope))],
            rows.Count < Batch ? null : $"{rows[^1].Id}/{rows[^1].Name}");
    }

    private static async Task<(List<AccessFinding>, string?)> AttachedAsync(DbSession session, Scope scope, string after)
    {
        var (id, arn) = After(after);
        var rows = await session.QueryAsync(
            """
            SELECT a.principal_id, a.policy_arn, p.kind, p.name FROM principals p JOIN attached_policies a ON a.principal_id = p.id
            WHERE p.account = @account AND (a.principal_id > @id OR (a.principal_id = @id AND a.policy_arn > @arn)) ORDER BY a.principal_id, a.policy_arn LIMIT @limit
            """,
            static row => (Id: row.GetInt64(0), Arn: row.GetString(1), Owner: $"{row.GetString(2)} {row.GetString(3)}"),
            ("@account", scope.Registry.Account), ("@id", id), ("@arn", arn), ("@limit", (long)Batch));
        var findings = new List<AccessFinding>();
        foreach (var row in rows)
            if (AwsManagedPolicies.Find(row.Arn) is { } known) findings.AddRange(Of($"{row.Arn} (attached to {row.Owner})", known.Document, PolicyKind.Identity, scope));
        return (findings, rows.Count < Batch ? null : $"{rows[^1].Id}/{rows[^1].Arn}");
    }

    private static async Task<(List<AccessFinding>, string?)> ManagedAsync(DbSession session, Scope scope, string after)
    {
        var (id, _) = After(after);
        var rows = await session.QueryAsync(
            """
            SELECT p.id, p.path, p.name, v.document FROM managed_policies p JOIN managed_policy_versions v ON v.policy_id = p.id AND v.version = p.default_version
            WHERE p.account = @account AND p.id > @id ORDER BY p.id LIMIT @limit
            """,
            static row => (Id: row.GetInt64(0), Name: row.GetString(1) + row.GetString(2), Text: row.GetString(3)),
            ("@account", scope.Registry.Account), ("@id", id), ("@limit", (long)Batch));
        return (
            [.. rows.SelectMany(row => Of($"arn:aws:iam::{scope.Registry.Account}:policy{row.Name}", row.Text, PolicyKind.Identity, scope))],
            rows.Count < Batch ? null : $"{rows[^1].Id}/");
    }

    private static async Task<(List<AccessFinding>, string?)> TrustAsync(DbSession session, Scope scope, string after)
    {
        var (id, _) = After(after);
        var rows = await session.QueryAsync(
            "SELECT id, name, trust_policy FROM principals WHERE account = @account AND kind = 'role' AND id > @id ORDER BY id LIMIT @limit",
            static row => (Id: row.GetInt64(0), Name: row.GetString(1), Text: row.GetStringOrNull(2)),
            ("@account", scope.Registry.Account), ("@id", id), ("@limit", (long)Batch));
        return (
            [.. rows.Where(static row => row.Text is not null).SelectMany(row => Of($"the trust policy of role {row.Name}", row.Text!, PolicyKind.Trust, scope))],
            rows.Count < Batch ? null : $"{rows[^1].Id}/");
    }

    private static async Task<(List<AccessFinding>, string?)> KeysAsync(DbSession session, Scope scope, string after)
    {
        var rows = await session.QueryAsync(
            """
            SELECT k.access_key_id, p.kind, p.name, k.created_at, k.last_used_at FROM principals p JOIN access_keys k ON k.principal_id = p.id
            WHERE p.account = @account AND k.disabled_at IS NULL AND k.access_key_id > @after ORDER BY k.access_key_id LIMIT @limit
            """,
            static row => (Key: row.GetString(0), Kind: row.GetString(1), Name: row.GetString(2), Created: row.GetTime(3), Used: row.GetTimeOrNull(4)),
            ("@account", scope.Registry.Account), ("@after", after), ("@limit", (long)Batch));
        var findings = new List<AccessFinding>();
        foreach (var row in rows)
        {
            var where = $"access key {row.Key} of {row.Kind} {row.Name}";
            if ((row.Used ?? row.Created) < scope.UsedAfter)
            {
                findings.Add(new(
                    "unused-key", RemarkSeverity.Medium, where, row.Used is { } used ? $"was used last on {Day(used)}" : $"was never used since {Day(row.Created)}",
                    row.Kind == "root" ? "Start the server with another root key, or leave it in a safe." : $"aws iam update-access-key --user-name {row.Name} --access-key-id {row.Key} --status Inactive"));
            }
            else if (row.Kind == "root" && row.Used is { } lately)
            {
                findings.Add(new(
                    "root-key-in-use", RemarkSeverity.Medium, where, $"works every day with the key that may do everything (last on {Day(lately)})",
                    "Create a user or a role with what is needed, and keep the root key for emergencies."));
            }
        }

        return (findings, rows.Count < Batch ? null : rows[^1].Key);
    }

    private static async Task<(List<AccessFinding>, string?)> RolesAsync(DbSession session, Scope scope, string after)
    {
        var (id, _) = After(after);
        var rows = await session.QueryAsync(
            "SELECT id, name, created_at, last_used_at FROM principals WHERE account = @account AND kind = 'role' AND id > @id ORDER BY id LIMIT @limit",
            static row => (Id: row.GetInt64(0), Name: row.GetString(1), Created: row.GetTime(2), Used: row.GetTimeOrNull(3)),
            ("@account", scope.Registry.Account), ("@id", id), ("@limit", (long)Batch));
        return (
            [.. rows
                .Where(row => (row.Used ?? row.Created) < scope.UsedAfter)
                .Select(static row => new AccessFinding(
                    "unused-role", RemarkSeverity.Low, $"role {row.Name}", row.Used is { } used ? $"was used last on {Day(used)}" : $"was never used since {Day(row.Created)}",
                    $"aws iam delete-role --role-name {row.Name}, after its policies"))],
            rows.Count < Batch ? null : $"{rows[^1].Id}/");
    }

    private static async Task<(List<AccessFinding>, string?)> RepositoriesAsync(DbSession session, Scope scope, string after)
    {
        var rows = await session.QueryAsync(
            """
            SELECT r.name, p.policy FROM repositories r JOIN repository_policies p ON p.repository_id = r.id
            WHERE r.account = @account AND r.region = @region AND r.name > @after ORDER BY r.name LIMIT @limit
            """,
            static row => (Name: row.GetString(0), Text: row.GetString(1)),
            ("@account", scope.Registry.Account), ("@region", scope.Registry.Region), ("@after", after), ("@limit", (long)Batch));
        return (
            [.. rows.SelectMany(row => Of($"the policy of repository {row.Name}", row.Text, PolicyKind.Repository, scope))],
            rows.Count < Batch ? null : rows[^1].Name);
    }

    private static async Task<(List<AccessFinding>, string?)> RegistryAsync(DbSession session, Scope scope, string after)
    {
        var text = await session.QueryFirstAsync(
            "SELECT policy FROM registry_policies WHERE account = @account AND region = @region",
            static row => row.GetString(0), ("@account", scope.Registry.Account), ("@region", scope.Registry.Region));
        return (text is null ? [] : [.. Of($"the policy of registry {scope.Registry}", text, PolicyKind.Registry, scope)], null);
    }

    private static IEnumerable<AccessFinding> Of(string where, string text, PolicyKind kind, Scope scope)
    {
        if (!PolicyDocument.Parse(text, kind).TryGet(out var document, out _))
            return [new AccessFinding("unreadable", RemarkSeverity.High, where, "cannot be read, and denies everything", "Put it anew.")];
        return PolicyReview.Check(document, kind, scope.Registry.Account)
            .Select(remark => new AccessFinding(remark.Code, remark.Severity, where, $"{remark.Statement} {remark.Message}", remark.Fix));
    }

    private static (long Id, string Tail) After(string after)
    {
        var slash = after.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && long.TryParse(after.AsSpan(0, slash), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? (id, after[(slash + 1)..]) : (0, "");
    }

    private static string Day(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private sealed record Scope(RegistryId Registry, DateTimeOffset UsedAfter);
}

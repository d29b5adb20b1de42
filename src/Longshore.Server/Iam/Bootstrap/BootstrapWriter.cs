using System.Text;
using Longshore.Core.Aws.Iam;
using Longshore.Server.Access;
using Longshore.Server.Iam.Operations;
using Longshore.Server.Iam.Store;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Iam.Bootstrap;

/// <summary>
/// Makes true what a bootstrap file says of one account, within a transaction: what is there already as it should be is not written again, what
/// the file does not name is left alone. Faults are collected; with any, the caller undoes the transaction.
/// </summary>
internal sealed class BootstrapWriter(IamContext iam, SealedBox box, List<string> faults, List<string> changes)
{
    /// <summary>Applies all of an account.</summary>
    public async ValueTask ApplyAsync(BootstrapAccount account)
    {
        foreach (var provider in account.Providers) await ApplyAsync(provider);
        foreach (var policy in account.Policies) await ApplyAsync(policy);
        foreach (var entity in account.Entities) await ApplyAsync(entity);
    }

    /// <summary>Makes the account's root, with a key when the file gives one.</summary>
    public async ValueTask<Principal> RootAsync(BootstrapAccount account)
    {
        var added = await iam.Db.ExecuteAsync(
            """
            INSERT INTO principals (account, kind, name, name_key, unique_id, created_at) VALUES (@account, 'root', 'root', 'root', @account, @now)
            ON CONFLICT (account, kind, name) DO NOTHING
            """,
            ("@account", iam.Account), ("@now", iam.Now.ToDatabase()));
        if (added > 0) Changed($"root of account {iam.Account}");
        var id = await iam.Db.QueryFirstAsync(
            "SELECT id FROM principals WHERE account = @account AND kind = 'root'", static row => row.GetInt64(0), ("@account", iam.Account));
        if (account.RootKey is { } key) await ApplyAsync(key, id);
        return new Principal(PrincipalKind.Root, iam.Account, IamArns.Root(iam.Account), iam.Account) { Id = id, Name = "root" };
    }

    private async ValueTask ApplyAsync(BootstrapProvider wanted)
    {
        var provider = await ProviderRows.FindAsync(iam, wanted.Url);
        if (provider is null)
        {
            provider = await ProviderRows.AddAsync(iam, wanted.Url, wanted.ClientIds ?? [], wanted.Thumbprints ?? [], wanted.Keys);
            Changed($"identity provider {wanted.Url}");
        }
        else if (!Same(provider.ClientIds, wanted.ClientIds) || !Same(provider.Thumbprints, wanted.Thumbprints) || (wanted.Keys is not null && wanted.Keys != provider.PinnedKeys))
        {
            await ProviderRows.UpdateAsync(iam, provider with
            {
                ClientIds = wanted.ClientIds ?? provider.ClientIds,
                Thumbprints = wanted.Thumbprints ?? provider.Thumbprints,
                PinnedKeys = wanted.Keys ?? provider.PinnedKeys,
            });
            Changed($"identity provider {wanted.Url}");
        }

        await TagAsync(TagRows.Providers, provider.Id, wanted.Where, wanted.Tags);
    }

    private async ValueTask ApplyAsync(BootstrapPolicy wanted)
    {
        if (await PolicyRows.FindByNameAsync(iam, wanted.Name) is not { } policy)
        {
            if (!(await ManagedPolicies.AddAsync(iam, wanted.Name, wanted.Path, wanted.Description, wanted.Document)).TryGet(out policy, out var error))
            {
                Fault(wanted.Where, error);
                return;
            }

            Changed($"policy {policy.Arn}");
        }
        else
        {
            if (wanted.Path is { } path && path != policy.Path) faults.Add($"{wanted.Where}.path: the policy is there with path {policy.Path}, which cannot change.");
            await RenewAsync(policy, wanted);
        }

        await TagAsync(TagRows.Policies, policy.Id, wanted.Where, wanted.Tags);
    }

    private async ValueTask RenewAsync(ManagedPolicy policy, BootstrapPolicy wanted)
    {
        var versions = await PolicyRows.VersionsAsync(iam, policy);
        if (versions.Find(version => version.Version == policy.DefaultVersion)?.Document == wanted.Document) return;
        if (ManagedPolicies.CheckDocument(wanted.Document) is { } wrong)
        {
            Fault(wanted.Where, wrong);
            return;
        }

        // The oldest that does not count makes room.
        if (versions.Count >= IamQuotas.PolicyVersions)
            await PolicyRows.RemoveVersionAsync(iam, policy, versions.Where(version => version.Version != policy.DefaultVersion).Min(static version => version.Version));
        await PolicyRows.AddVersionAsync(iam, policy, wanted.Document, asDefault: true);
        Changed($"policy {policy.Arn}, {PolicyRows.VersionId(policy.NextVersion)}");
    }

    private async ValueTask ApplyAsync(BootstrapEntity wanted)
    {
        var boundary = wanted.PermissionsBoundary is { } named ? await ArnOfAsync(named, wanted.Where + ".permissionsBoundary") : null;
        if (wanted.TrustPolicy is { } trust && Roles.CheckTrust(trust) is { } untrusted)
        {
            Fault(wanted.Where + ".trustPolicy", untrusted);
            return;
        }

        var entity = await EntityRows.FindAsync(iam, wanted.Kind, wanted.Name);
        if (entity is null)
        {
            var seconds = wanted.Kind == IamKind.Role ? wanted.MaxSessionDuration ?? Roles.DefaultSessionSeconds : (long?)null;
            var added = await EntityRows.AddAsync(iam, wanted.Kind, new NewEntity(wanted.Name, wanted.Path, wanted.Description, wanted.TrustPolicy, seconds, boundary));
            if (!added.TryGet(out entity, out var error))
            {
                Fault(wanted.Where, error);
                return;
            }

            Changed(entity.Arn);
        }
        else
        {
            entity = await RenewAsync(entity, wanted, boundary);
        }

        await TagAsync(TagRows.Principals, entity.Id, wanted.Where, wanted.Tags);
        await InlineAsync(entity, wanted);
        await AttachAsync(entity, wanted);
        await JoinAsync(entity, wanted);
        foreach (var key in wanted.AccessKeys) await ApplyAsync(key, entity.Id);
    }

    private async ValueTask<Entity> RenewAsync(Entity entity, BootstrapEntity wanted, string? boundary)
    {
        var renewed = entity with
        {
            Name = wanted.Name,
            Path = wanted.Path ?? entity.Path,
            Description = wanted.Description ?? entity.Description,
            TrustPolicy = wanted.TrustPolicy ?? entity.TrustPolicy,
            MaxSessionSeconds = wanted.MaxSessionDuration ?? entity.MaxSessionSeconds,
            BoundaryArn = boundary ?? entity.BoundaryArn,
        };
        if (renewed == entity) return entity;
        await EntityRows.MoveAsync(iam, entity, renewed.Name, renewed.Path);
        await EntityRows.UpdateRoleAsync(iam, renewed);
        await EntityRows.SetBoundaryAsync(iam, renewed, renewed.BoundaryArn);
        Changed(renewed.Arn);
        return renewed;
    }

    private async ValueTask InlineAsync(Entity entity, BootstrapEntity wanted)
    {
        foreach (var (name, document) in wanted.InlinePolicies)
        {
            if (await InlinePolicyRows.FindAsync(iam, entity.Id, name) is { } known && known.Name == name && known.Document == document) continue;
            if (await InlinePolicies.PutAsync(iam, entity, name, document) is { } wrong) Fault($"{wanted.Where}.inlinePolicies.{name}", wrong);
            else Changed($"inline policy {name} of {entity.Arn}");
        }
    }

    private async ValueTask AttachAsync(Entity entity, BootstrapEntity wanted)
    {
        var known = await AttachmentRows.AllAsync(iam, entity.Id);
        for (var i = 0; i < wanted.Policies.Count; i++)
        {
            var where = $"{wanted.Where}.policies[{i}]";
            if (await ArnOfAsync(wanted.Policies[i], where) is not { } arn || known.Contains(arn, StringComparer.Ordinal)) continue;
            if (await Attachments.AttachAsync(iam, entity, arn) is { } wrong) Fault(where, wrong);
            else Changed($"{arn} of {entity.Arn}");
        }
    }

    private async ValueTask JoinAsync(Entity user, BootstrapEntity wanted)
    {
        for (var i = 0; i < wanted.Groups.Count; i++)
        {
            var where = $"{wanted.Where}.groups[{i}]";
            if (!(await EntityRows.GetAsync(iam, IamKind.Group, wanted.Groups[i])).TryGet(out var group, out var error)) Fault(where, error);
            else if (await MemberRows.AddAsync(iam, user, group) == 0) continue;
            else if (await Groups.JoinAsync(iam, user, group) is { } wrong) Fault(where, wrong);
            else Changed($"{user.Arn} in {group.Arn}");
        }
    }

    // A key that somebody disabled stays disabled: a restart must not bring back what was taken away.
    private async ValueTask ApplyAsync(BootstrapKey wanted, long principalId)
    {
        var id = wanted.Key.AccessKeyId;
        var stored = await iam.Db.QueryAsync(
            "SELECT principal_id, sealed_secret FROM access_keys WHERE access_key_id = @id", static row => (Owner: row.GetInt64(0), Secret: row.GetBytes(1)), ("@id", id));
        if (stored.Count == 0)
        {
            if (await KeyRows.CountAsync(iam, principalId) >= IamQuotas.AccessKeys)
            {
                Fault(wanted.Where, IamError.Quota("AccessKeysPerUser", IamQuotas.AccessKeys));
                return;
            }

            await KeyRows.AddAsync(iam, principalId, wanted.Key);
            Changed($"access key {id}");
            return;
        }

        if (stored[0].Owner != principalId)
        {
            faults.Add($"{wanted.Where}: access key {id} belongs to another principal.");
            return;
        }

        var opened = box.TryOpen(PrincipalStore.SecretPurpose, stored[0].Secret, Encoding.UTF8.GetBytes(id), out var plaintext);
        if (opened && Encoding.UTF8.GetString(plaintext!) == wanted.Key.SecretAccessKey) return;
        await KeyRows.ReplaceAsync(iam, wanted.Key);
        Changed($"secret of access key {id}");
    }

    private async ValueTask TagAsync(TagRows rows, long id, string where, IReadOnlyDictionary<string, string> wanted)
    {
        if (wanted.Count == 0) return;
        var known = await rows.AllAsync(iam, id);
        List<Tag> missing = [.. wanted.Where(tag => !known.Any(k => k.Key == tag.Key && k.Value == tag.Value)).Select(static tag => new Tag { Key = tag.Key, Value = tag.Value })];
        if (missing.Count == 0) return;
        if (await rows.SetAsync(iam, id, missing) is { } wrong) Fault(where + ".tags", wrong);
        else Changed($"tags of {where}");
    }

    /// <summary>A policy by ARN or name: the account's own first, then AWS's.</summary>
    private async ValueTask<string?> ArnOfAsync(string named, string where)
    {
        var arn = named.StartsWith("arn:", StringComparison.Ordinal)
            ? named
            : (await PolicyRows.FindByNameAsync(iam, named))?.Arn ?? Core.Policies.AwsManagedPolicies.ArnPrefix + named;
        if (await PolicyRows.FindAsync(iam, arn) is not null) return arn;
        faults.Add($"{where}: there is no policy {named}.");
        return null;
    }

    private static bool Same(IReadOnlyList<string> known, IReadOnlyList<string>? wanted) => wanted is null || known.SequenceEqual(wanted, StringComparer.Ordinal);

    private void Changed(string what) => changes.Add(what);

    private void Fault(string where, IamError error) => faults.Add($"{where}: {error.Message}");
}

using System.Data.Common;
using System.Text.Json;
using System.Text.Json.Serialization;
using Longshore.Core;
using Longshore.Server.Content;
using Longshore.Storage.Metadata;

namespace Longshore.Server.RegistrySettings;

/// <summary>Keeps repository creation templates.</summary>
internal sealed class CreationTemplates(IDatabase database)
{
    private const string Columns =
        "prefix, description, applied_for, tag_mutability, mutability_filters, resource_tags, lifecycle_policy, custom_role_arn, created_at, updated_at, repository_policy";

    /// <summary>Adds a template. TemplateAlreadyExists.</summary>
    public ValueTask<Outcome<Done>> CreateAsync(RegistryId registry, CreationTemplate template, CancellationToken cancellationToken) => database.WriteAsync<Outcome<Done>>(
        Durability.Synced,
        async session =>
        {
            if (await FindAsync(session, registry, template.Prefix) is not null) return RegistrySettingsErrors.TemplateAlreadyExists(registry, template.Prefix);
            await PutAsync(session, registry, template);
            return Done.Value;
        },
        cancellationToken);

    /// <summary>Changes a template in one transaction and gives it as it is afterwards. TemplateNotFound, and what <paramref name="change"/> says.</summary>
    public ValueTask<Outcome<CreationTemplate>> UpdateAsync(
        RegistryId registry,
        string prefix,
        Func<CreationTemplate, Outcome<CreationTemplate>> change,
        CancellationToken cancellationToken) => database.WriteAsync<Outcome<CreationTemplate>>(
        Durability.Synced,
        async session =>
        {
            if (await FindAsync(session, registry, prefix) is not { } template) return RegistrySettingsErrors.TemplateNotFound(registry, prefix);
            var changed = change(template);
            if (changed.Succeeded) await PutAsync(session, registry, changed.Value);
            return changed;
        },
        cancellationToken);

    /// <summary>Deletes a template and gives it as it was. TemplateNotFound. Repositories made from it stay as they are.</summary>
    public ValueTask<Outcome<CreationTemplate>> DeleteAsync(RegistryId registry, string prefix, CancellationToken cancellationToken) => database.WriteAsync<Outcome<CreationTemplate>>(
        Durability.Synced,
        async session =>
        {
            if (await FindAsync(session, registry, prefix) is not { } template) return RegistrySettingsErrors.TemplateNotFound(registry, prefix);
            await session.ExecuteAsync(
                "DELETE FROM creation_templates WHERE account = @account AND region = @region AND prefix = @prefix",
                ("@account", registry.Account),
                ("@region", registry.Region),
                ("@prefix", prefix));
            return template;
        },
        cancellationToken);

    /// <summary>The template of a prefix, or null.</summary>
    public ValueTask<CreationTemplate?> FindAsync(RegistryId registry, string prefix, CancellationToken cancellationToken) =>
        database.ReadAsync(session => FindAsync(session, registry, prefix), cancellationToken);

    /// <summary>Templates in byte order of their prefixes, those after <paramref name="after"/>, at most <paramref name="limit"/>.</summary>
    public ValueTask<List<CreationTemplate>> ListAsync(RegistryId registry, string? after, int limit, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync(
            $"SELECT {Columns} FROM creation_templates WHERE account = @account AND region = @region AND prefix > @after ORDER BY prefix LIMIT @limit",
            Read,
            ("@account", registry.Account),
            ("@region", registry.Region),
            ("@after", after ?? ""),
            ("@limit", (long)limit)),
        cancellationToken);

    /// <summary>The template that a repository of this name is created from, or null: of those used for <paramref name="purpose"/> the longest prefix.</summary>
    public ValueTask<CreationTemplate?> FindForAsync(RegistryId registry, RepositoryName name, string purpose, CancellationToken cancellationToken) => database.ReadSnapshotAsync(
        async session =>
        {
            // One look-up by key for each part of the name, whatever the number of templates.
            foreach (var prefix in CreationTemplate.PrefixesOf(name.Value))
                if (await FindAsync(session, registry, prefix) is { } template && template.AppliedFor.Contains(purpose)) return template;
            return null;
        },
        cancellationToken);

    private static ValueTask<CreationTemplate?> FindAsync(DbSession session, RegistryId registry, string prefix) => session.QueryFirstAsync(
        $"SELECT {Columns} FROM creation_templates WHERE account = @account AND region = @region AND prefix = @prefix",
        Read,
        ("@account", registry.Account),
        ("@region", registry.Region),
        ("@prefix", prefix));

    private static ValueTask<int> PutAsync(DbSession session, RegistryId registry, CreationTemplate template) => session.ExecuteAsync(
        $"""
        INSERT INTO creation_templates (account, region, {Columns})
        VALUES (@account, @region, @prefix, @description, @appliedFor, @mutability, @filters, @tags, @policy, @role, @created, @updated, @repositoryPolicy)
        ON CONFLICT (account, region, prefix) DO UPDATE SET description = excluded.description, applied_for = excluded.applied_for,
            tag_mutability = excluded.tag_mutability, mutability_filters = excluded.mutability_filters, resource_tags = excluded.resource_tags,
            lifecycle_policy = excluded.lifecycle_policy, repository_policy = excluded.repository_policy, custom_role_arn = excluded.custom_role_arn, updated_at = excluded.updated_at
        """,
        ("@account", registry.Account),
        ("@region", registry.Region),
        ("@prefix", template.Prefix),
        ("@description", template.Description),
        ("@appliedFor", string.Join('\n', template.AppliedFor)),
        ("@mutability", template.Settings.TagMutability.ToName()),
        ("@filters", RepositoryRows.JoinFilters(template.Settings.MutabilityFilters)),
        ("@tags", JsonSerializer.Serialize(template.ResourceTags, CreationTemplateJson.Default.IReadOnlyDictionaryStringString)),
        ("@policy", template.LifecyclePolicy),
        ("@repositoryPolicy", template.RepositoryPolicy),
        ("@role", template.CustomRoleArn),
        ("@created", template.CreatedAt.ToDatabase()),
        ("@updated", template.UpdatedAt.ToDatabase()));

    private static CreationTemplate Read(DbDataReader row)
    {
        var filters = row.GetString(4);
        return new CreationTemplate(
            row.GetString(0),
            row.GetStringOrNull(1),
            row.GetString(2).Split('\n'),
            RepositorySettings.Default with { TagMutability = RepositoryRows.MutabilityOf(row.GetString(3)), MutabilityFilters = filters.Length == 0 ? [] : filters.Split('\n') },
            JsonSerializer.Deserialize(row.GetString(5), CreationTemplateJson.Default.IReadOnlyDictionaryStringString)!,
            row.GetStringOrNull(6),
            row.GetStringOrNull(7),
            row.GetTime(8),
            row.GetTime(9))
        { RepositoryPolicy = row.GetStringOrNull(10) };
    }
}

/// <summary>The stored form of a template's resource tags.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(IReadOnlyDictionary<string, string>))]
internal sealed partial class CreationTemplateJson : JsonSerializerContext;

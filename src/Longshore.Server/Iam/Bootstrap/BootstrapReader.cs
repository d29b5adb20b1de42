using System.Text.Json;
using Longshore.Core;
using Longshore.Core.Aws;
using Longshore.Core.Aws.Iam;
using Longshore.Core.Policies;
using Longshore.Server.Access;
using Longshore.Server.Iam.Operations;
using Longshore.Server.Iam.Store;

namespace Longshore.Server.Iam.Bootstrap;

/// <summary>Reads a bootstrap file: the form, and all that can be said without the database. Every fault is told, with the path of its member.</summary>
internal sealed class BootstrapReader
{
    /// <summary>The largest file that is read, in bytes.</summary>
    public const long MaxLength = 16 << 20;

    private readonly Func<string, string?> environment;
    private readonly List<string> faults = [];

    private BootstrapReader(Func<string, string?> environment) => this.environment = environment;

    /// <summary>Reads a file.</summary>
    /// <param name="json">Its bytes.</param>
    /// <param name="environment">The value of an environment variable, or null: where secrets come from.</param>
    /// <returns>The accounts, of use only when there are no faults.</returns>
    public static (IReadOnlyList<BootstrapAccount> Accounts, IReadOnlyList<string> Faults) Read(ReadOnlyMemory<byte> json, Func<string, string?> environment)
    {
        var reader = new BootstrapReader(environment);
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions
            {
                CommentHandling = JsonCommentHandling.Skip,
                AllowTrailingCommas = true,
                AllowDuplicateProperties = false,
            });
            var root = new BootstrapNode(document.RootElement, "", reader.faults, "accounts");
            return ([.. root.Pairs("accounts").Select(reader.Account)], reader.faults);
        }
        catch (JsonException e)
        {
            return ([], [$"This is no JSON: {e.Message}"]);
        }
    }

    private BootstrapAccount Account(JsonProperty pair)
    {
        var where = $"accounts.{pair.Name}";
        var node = new BootstrapNode(pair.Value, where, faults, "rootAccessKey", "oidcProviders", "policies", "groups", "users", "roles");
        if (!RegistryId.IsAccount(pair.Name)) node.Add("", "an account is twelve digits");
        var root = node.Raw("rootAccessKey") is { } key ? Key(JsonDocument.Parse(key).RootElement, node.Path("rootAccessKey")) : null;
        List<BootstrapProvider> providers = [.. node.Items("oidcProviders").Select(item => Provider(item.Item, item.Where))];
        List<BootstrapPolicy> policies = [.. node.Items("policies").Select(item => Policy(item.Item, item.Where))];
        List<BootstrapEntity> entities =
        [
            .. node.Items("groups").Select(item => Group(item.Item, item.Where)),
            .. node.Items("users").Select(item => User(item.Item, item.Where)),
            .. node.Items("roles").Select(item => Role(item.Item, item.Where)),
        ];
        Unique(providers.Select(static p => (p.Where, p.Url)));
        Unique(policies.Select(static p => (p.Where, p.Name)));
        foreach (var kind in IamKinds.All) Unique(entities.Where(entity => entity.Kind == kind).Select(static e => (e.Where, e.Name)));
        return new BootstrapAccount(where, pair.Name, root, providers, policies, entities);
    }

    private void Unique(IEnumerable<(string Where, string Name)> named)
    {
        var known = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (where, name) in named)
            if (!known.TryAdd(name, where)) faults.Add($"{where}: {known[name]} has the same name.");
    }

    private BootstrapProvider Provider(JsonElement item, string where)
    {
        var node = new BootstrapNode(item, where, faults, "url", "clientIds", "thumbprints", "keys", "tags");
        var given = node.Required("url");
        var url = OidcProviders.Normalize(given);
        if (url is null && given.Length > 0) node.Add("url", "must be https without query");
        var (clientIds, thumbprints, tags) = (node.Texts("clientIds"), node.Texts("thumbprints"), node.Map("tags"));
        if (OidcProviders.Check(clientIds ?? [], thumbprints ?? []) is { } wrong) faults.Add($"{where}: {wrong.Message}");
        Check(where, IamConstraints.Validate(new CreateOpenIDConnectProviderRequest { Url = given, ClientIDList = clientIds, ThumbprintList = thumbprints, Tags = Tags(where, tags) }));
        var keys = node.Raw("keys");
        if (keys is not null && !(JsonDocument.Parse(keys).RootElement.TryGetProperty("keys", out var list) && list.ValueKind == JsonValueKind.Array))
            node.Add("keys", "must be a JSON Web Key Set: an object with a list of keys");
        return new BootstrapProvider(where, url ?? "", clientIds, thumbprints, keys, tags);
    }

    private BootstrapPolicy Policy(JsonElement item, string where)
    {
        var node = new BootstrapNode(item, where, faults, "name", "path", "description", "document", "tags");
        var policy = new BootstrapPolicy(where, node.Required("name"), node.Text("path"), node.Text("description"), node.Document("document", PolicyKind.Identity) ?? "", node.Map("tags"));
        if (policy.Document.Length == 0) node.Add("document", "must be given");
        Check(where, IamConstraints.Validate(new CreatePolicyRequest
        {
            PolicyName = policy.Name,
            Path = policy.Path,
            Description = policy.Description,
            PolicyDocument = policy.Document.Length == 0 ? "-" : policy.Document,
            Tags = Tags(where, policy.Tags),
        }));
        return policy;
    }

    private BootstrapEntity Group(JsonElement item, string where)
    {
        var node = new BootstrapNode(item, where, faults, "name", "path", "policies", "inlinePolicies");
        var group = Entity(node, IamKind.Group);
        Check(where, IamConstraints.Validate(new CreateGroupRequest { GroupName = group.Name, Path = group.Path }));
        return group;
    }

    private BootstrapEntity User(JsonElement item, string where)
    {
        var node = new BootstrapNode(item, where, faults, "name", "path", "policies", "inlinePolicies", "permissionsBoundary", "tags", "groups", "accessKeys");
        var user = Entity(node, IamKind.User) with
        {
            PermissionsBoundary = node.Text("permissionsBoundary"),
            Tags = node.Map("tags"),
            Groups = node.Texts("groups") ?? [],
            AccessKeys = [.. node.Items("accessKeys").Select(key => Key(key.Item, key.Where)).OfType<BootstrapKey>()],
        };
        Check(where, IamConstraints.Validate(new CreateUserRequest { UserName = user.Name, Path = user.Path, Tags = Tags(where, user.Tags) }));
        return user;
    }

    private BootstrapEntity Role(JsonElement item, string where)
    {
        var node = new BootstrapNode(
            item, where, faults, "name", "path", "policies", "inlinePolicies", "permissionsBoundary", "tags", "description", "maxSessionDuration", "trustPolicy");
        var role = Entity(node, IamKind.Role) with
        {
            PermissionsBoundary = node.Text("permissionsBoundary"),
            Tags = node.Map("tags"),
            Description = node.Text("description"),
            MaxSessionDuration = node.Number("maxSessionDuration"),
            TrustPolicy = node.Document("trustPolicy", PolicyKind.Trust),
        };
        if (role.TrustPolicy is null) node.Add("trustPolicy", "must be given");
        Check(where, IamConstraints.Validate(new CreateRoleRequest
        {
            RoleName = role.Name,
            Path = role.Path,
            Description = role.Description,
            MaxSessionDuration = role.MaxSessionDuration,
            AssumeRolePolicyDocument = role.TrustPolicy ?? "-",
            Tags = Tags(where, role.Tags),
        }));
        return role;
    }

    private static BootstrapEntity Entity(BootstrapNode node, IamKind kind)
    {
        var inline = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var pair in node.Pairs("inlinePolicies"))
        {
            var member = $"inlinePolicies.{pair.Name}";
            if (node.Document(member, pair.Value, PolicyKind.Identity) is { } text && !inline.TryAdd(pair.Name, text)) node.Add(member, "there are two of this name");
        }

        return new BootstrapEntity(node.Where, kind, node.Required("name")) { Path = node.Text("path"), Policies = node.Texts("policies") ?? [], InlinePolicies = inline };
    }

    // A secret in the file itself would be read by everybody who reads the repository that the file is kept in.
    private BootstrapKey? Key(JsonElement item, string where)
    {
        var node = new BootstrapNode(item, where, faults, "accessKeyId", "accessKeyIdVariable", "secretAccessKeyVariable");
        var id = node.Text("accessKeyId");
        if (node.Text("accessKeyIdVariable") is { } idVariable)
        {
            if (id is not null) node.Add("", "accessKeyId and accessKeyIdVariable say the same thing: give one");
            id = Variable(node, "accessKeyIdVariable", idVariable);
        }
        else if (id is null)
        {
            node.Add("accessKeyId", "must be given, or accessKeyIdVariable");
        }

        var secretVariable = node.Required("secretAccessKeyVariable");
        var secret = secretVariable.Length == 0 ? null : Variable(node, "secretAccessKeyVariable", secretVariable);
        if (id is null || secret is null) return null;
        if (!RootCredentials.IsAccessKeyId(id))
        {
            node.Add("", "an access key id has 16 to 128 letters, digits and underscores");
            return null;
        }

        if (RootCredentials.Parse(id, secret).TryGet(out var key, out _)) return new BootstrapKey(where, key);
        node.Add("secretAccessKeyVariable", "its value must be 16 to 128 visible ASCII characters without spaces");
        return null;
    }

    private string? Variable(BootstrapNode node, string member, string name)
    {
        if (environment(name) is { Length: > 0 } value) return value;
        node.Add(member, $"the environment variable {name} is not set");
        return null;
    }

    private List<Tag> Tags(string where, IReadOnlyDictionary<string, string> tags)
    {
        List<Tag> wire = [.. tags.Select(static tag => new Tag { Key = tag.Key, Value = tag.Value })];
        if (TagRows.Check(wire) is { } wrong) faults.Add($"{where}.tags: {wrong.Message}");
        return wire;
    }

    private void Check(string where, IReadOnlyList<ConstraintViolation> violations)
    {
        // What is missing was said before, in the words of the file.
        foreach (var violation in violations)
            if (violation.Value != "") faults.Add($"{where}: {violation.Path}: {violation.Constraint}.");
    }
}

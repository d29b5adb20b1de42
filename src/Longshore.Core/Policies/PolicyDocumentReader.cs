using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Longshore.Core.Policies;

/// <summary>Reads and checks a policy document; collects all faults, each with the path of its member.</summary>
internal sealed partial class PolicyDocumentReader(PolicyKind kind)
{
    private const int MaxDepth = 12;
    private const string NoResource = "must be * or an ARN of six parts, such as arn:aws:ecr:us-east-1:123456789012:repository/NAME";
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = MaxDepth, AllowDuplicateProperties = false };
    private bool variables;

    /// <summary>What is wrong with the document.</summary>
    public List<string> Faults { get; } = [];

    /// <summary>The document, or null with faults.</summary>
    public PolicyDocument? Read(string text)
    {
        if (text.Length > kind.MaxLength())
        {
            Faults.Add($"A document of this kind has {kind.MaxLength()} characters at most.");
            return null;
        }

        try
        {
            var bytes = StrictUtf8.GetBytes(text);
            using var json = JsonDocument.Parse(bytes, Strict);
            var document = ReadRoot(text, json.RootElement);
            if (Faults.Count > 0) return null;
            PolicyPositions.Set(bytes, document!.Statements);
            return document;
        }
        catch (Exception e) when (e is JsonException or EncoderFallbackException or InvalidOperationException)
        {
            // InvalidOperation: an escaped half of a surrogate pair, found when the string is read.
            Faults.Add(e is JsonException json ? $"The document is no JSON: {json.Message}" : "The document holds text that is no Unicode.");
            return null;
        }
    }

    private PolicyDocument? ReadRoot(string text, JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            Faults.Add("The document must be a JSON object.");
            return null;
        }

        Refuse(root, "", "Version", "Id", "Statement");
        var version = String(root, "Version", "Version");
        if (version is not (null or PolicyDocument.CurrentVersion or PolicyDocument.FirstVersion))
            Faults.Add($"Version: must be {PolicyDocument.CurrentVersion} or {PolicyDocument.FirstVersion}.");
        variables = version == PolicyDocument.CurrentVersion;
        var id = String(root, "Id", "Id");
        var statements = new List<PolicyStatement>();
        if (!root.TryGetProperty("Statement", out var body))
        {
            Faults.Add("Statement: must be given.");
        }
        else if (body.ValueKind == JsonValueKind.Object)
        {
            if (ReadStatement(body, 0) is { } only) statements.Add(only);
        }
        else if (body.ValueKind == JsonValueKind.Array && body.GetArrayLength() > 0)
        {
            var index = 0;
            foreach (var item in body.EnumerateArray())
            {
                if (ReadStatement(item, index) is { } statement) statements.Add(statement);
                index++;
            }
        }
        else
        {
            Faults.Add("Statement: must be a statement or a list of at least one.");
        }

        CheckSids(statements);
        return new PolicyDocument(text, version, id, statements);
    }

    private void CheckSids(List<PolicyStatement> statements)
    {
        if (kind is PolicyKind.Repository or PolicyKind.Registry) return;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var statement in statements)
        {
            if (statement.Sid is not { Length: > 0 } sid) continue;
            if (!sid.All(char.IsAsciiLetterOrDigit)) Faults.Add($"Statement[{statement.Index}].Sid: must be letters and digits.");
            else if (!seen.Add(sid)) Faults.Add($"Statement[{statement.Index}].Sid: '{sid}' is used by another statement.");
        }
    }

    private PolicyStatement? ReadStatement(JsonElement body, int index)
    {
        var path = $"Statement[{index}]";
        if (body.ValueKind != JsonValueKind.Object)
        {
            Faults.Add($"{path}: must be an object.");
            return null;
        }

        Refuse(body, path + ".", "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition");
        var before = Faults.Count;
        var sid = String(body, "Sid", $"{path}.Sid");
        var effect = String(body, "Effect", $"{path}.Effect");
        if (effect is not ("Allow" or "Deny")) Faults.Add($"{path}.Effect: must be Allow or Deny.");
        var principals = ReadPrincipals(body, path, effect == "Allow");
        var actions = ReadPatterns(body, path, "Action", required: true, CheckAction, hasVariables: false);
        var resources = ReadPatterns(body, path, "Resource", required: !kind.NamesPrincipals(), CheckResource, variables);
        var conditions = ReadConditions(body, path);
        return Faults.Count > before || actions is null
            ? null
            : new PolicyStatement(index, sid, effect == "Allow" ? PolicyEffect.Allow : PolicyEffect.Deny, principals, actions, resources, conditions);
    }

    private PolicyPatterns? ReadPatterns(JsonElement body, string path, string member, bool required, Func<string, string?> check, bool hasVariables)
    {
        var negatedMember = "Not" + member;
        var (has, hasNegated) = (body.TryGetProperty(member, out var positive), body.TryGetProperty(negatedMember, out var negative));
        if (has && hasNegated)
        {
            Faults.Add($"{path}.{negatedMember}: cannot stand beside {member}.");
            return null;
        }

        if (!has && !hasNegated)
        {
            if (required) Faults.Add($"{path}.{member}: {member} or {negatedMember} must be given.");
            return null;
        }

        var where = $"{path}.{(has ? member : negatedMember)}";
        if (Strings(has ? positive : negative, where) is not { } texts) return null;
        var patterns = new List<PolicyPattern>(texts.Count);
        foreach (var text in texts)
        {
            var fault = check(text);
            var pattern = fault is null ? PolicyPattern.Parse(text, wildcards: true, hasVariables, out fault) : null;
            // With fewer parts it would match nothing, and a denial that denies nothing looks like one that does.
            if (member == "Resource" && pattern is { WritesAllParts: false } && text != "*") (pattern, fault) = (null, NoResource);
            if (pattern is null) Faults.Add($"{where}: '{text}' {fault}.");
            else patterns.Add(pattern);
        }

        return new PolicyPatterns(hasNegated, patterns);
    }

    private static string? CheckAction(string text) => ActionPattern().IsMatch(text) ? null : "must be * or SERVICE:ACTION, such as ecr:PutImage";

    private static string? CheckResource(string text) => text == "*" || text.StartsWith("arn:", StringComparison.Ordinal) ? null : NoResource;

    private PolicyPrincipals? ReadPrincipals(JsonElement body, string path, bool allows)
    {
        var (has, hasNegated) = (body.TryGetProperty("Principal", out var positive), body.TryGetProperty("NotPrincipal", out var negative));
        if (!kind.NamesPrincipals())
        {
            if (has || hasNegated) Faults.Add($"{path}.{(has ? "Principal" : "NotPrincipal")}: a policy of this kind names no principals.");
            return null;
        }

        if (has == hasNegated)
        {
            Faults.Add(has ? $"{path}.NotPrincipal: cannot stand beside Principal." : $"{path}.Principal: Principal or NotPrincipal must be given.");
            return null;
        }

        if (hasNegated && allows && kind == PolicyKind.Trust) Faults.Add($"{path}.NotPrincipal: cannot be used with Allow in a trust policy.");
        var where = $"{path}.{(has ? "Principal" : "NotPrincipal")}";
        var element = has ? positive : negative;
        var named = new Named();
        if (element.ValueKind == JsonValueKind.String && element.GetString() == "*")
        {
            named.Everyone = true;
        }
        else if (element.ValueKind == JsonValueKind.Object && element.EnumerateObject().Any())
        {
            foreach (var member in element.EnumerateObject()) ReadPrincipal(member, $"{where}.{member.Name}", named);
        }
        else
        {
            Faults.Add($"{where}: must be \"*\" or an object such as {{\"AWS\": \"arn:aws:iam::123456789012:root\"}}.");
        }

        return new PolicyPrincipals(hasNegated, named.Everyone, named.Accounts, named.Arns, named.Providers, named.Services);
    }

    private void ReadPrincipal(JsonProperty member, string where, Named named)
    {
        if (member.Name is not ("AWS" or "Federated" or "Service"))
        {
            Faults.Add($"{where}: must be AWS, Federated or Service.");
            return;
        }

        foreach (var text in Strings(member.Value, where) ?? [])
        {
            switch (member.Name)
            {
                case "AWS":
                    if (text == "*") named.Everyone = true;
                    else if (RegistryId.IsAccount(text)) named.Accounts.Add(text);
                    else if (RootArn().Match(text) is { Success: true } root) named.Accounts.Add(root.Groups[1].Value);
                    else if (PrincipalArn().IsMatch(text)) named.Arns.Add(text);
                    else Faults.Add($"{where}: '{text}' must be *, an account, or the ARN of a root, user, role or assumed role, without wildcards.");
                    break;
                case "Federated":
                    named.Providers.Add(text);
                    break;
                default:
                    // All services are not everybody.
                    if (text.Contains('*', StringComparison.Ordinal)) Faults.Add($"{where}: '{text}' must be a service's name, without wildcards.");
                    else named.Services.Add(text);
                    break;
            }
        }
    }

    private List<PolicyCondition> ReadConditions(JsonElement body, string path)
    {
        var conditions = new List<PolicyCondition>();
        if (!body.TryGetProperty("Condition", out var block)) return conditions;
        if (block.ValueKind != JsonValueKind.Object)
        {
            Faults.Add($"{path}.Condition: must be an object.");
            return conditions;
        }

        foreach (var member in block.EnumerateObject())
        {
            var where = $"{path}.Condition.{member.Name}";
            if (!TryReadOperator(member.Name, out var @operator, out var qualifier, out var ifExists))
            {
                Faults.Add($"{where}: there is no such condition operator.");
                continue;
            }

            if (member.Value.ValueKind != JsonValueKind.Object)
            {
                Faults.Add($"{where}: must be an object of condition keys and values.");
                continue;
            }

            foreach (var key in member.Value.EnumerateObject())
                if (ReadCondition(@operator, qualifier, ifExists, key, $"{where}.{key.Name}") is { } condition) conditions.Add(condition);
        }

        return conditions;
    }

    private PolicyCondition? ReadCondition(ConditionOperator @operator, SetQualifier qualifier, bool ifExists, JsonProperty key, string where)
    {
        // The keys of tags, behind a slash, may have spaces.
        if (key.Name.IndexOf(':', StringComparison.Ordinal) <= 0 || key.Name.Split('/', 2)[0].Contains(' ', StringComparison.Ordinal))
        {
            Faults.Add($"{where}: '{key.Name}' is no condition key, such as aws:SourceIp.");
            return null;
        }

        if (Strings(key.Value, where, scalars: true) is not { } texts) return null;
        var values = new List<ValueMatch>(texts.Count);
        var used = new List<string>();
        foreach (var text in texts)
        {
            if (@operator.Prepare(text, variables, out var fault) is { } match) values.Add(match);
            else Faults.Add($"{where}: {fault}.");
            if (variables && fault is null && @operator.TakesVariables) used.AddRange(PolicyPattern.Parse(text, wildcards: true, variables: true, out _)!.Variables);
        }

        return new PolicyCondition(@operator, qualifier, ifExists, key.Name, values, used);
    }

    private static bool TryReadOperator(string name, out ConditionOperator found, out SetQualifier qualifier, out bool ifExists)
    {
        const string AllValues = "ForAllValues:", AnyValue = "ForAnyValue:", Suffix = "IfExists";
        qualifier = name.StartsWith(AllValues, StringComparison.Ordinal) ? SetQualifier.ForAllValues
            : name.StartsWith(AnyValue, StringComparison.Ordinal) ? SetQualifier.ForAnyValue : SetQualifier.None;
        if (qualifier != SetQualifier.None) name = name[(name.IndexOf(':', StringComparison.Ordinal) + 1)..];
        ifExists = name.EndsWith(Suffix, StringComparison.Ordinal);
        if (ifExists) name = name[..^Suffix.Length];
        found = ConditionOperator.Find(name)!;
        return found is not null && !(ifExists && ReferenceEquals(found, ConditionOperator.Null));
    }

    private void Refuse(JsonElement body, string path, params ReadOnlySpan<string> known)
    {
        foreach (var member in body.EnumerateObject())
            if (!known.Contains(member.Name)) Faults.Add($"{path}{member.Name}: there is no such member.");
    }

    private string? String(JsonElement body, string member, string where)
    {
        if (!body.TryGetProperty(member, out var value)) return null;
        if (value.ValueKind == JsonValueKind.String) return value.GetString();
        Faults.Add($"{where}: must be a string.");
        return null;
    }

    private List<string>? Strings(JsonElement value, string where, bool scalars = false)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            var list = new List<string>(value.GetArrayLength());
            foreach (var item in value.EnumerateArray())
            {
                if (Scalar(item, scalars) is { } text)
                {
                    list.Add(text);
                    continue;
                }

                Faults.Add($"{where}: must be a string or a list of strings.");
                return null;
            }

            if (list.Count > 0) return list;
            Faults.Add($"{where}: must not be empty.");
            return null;
        }

        if (Scalar(value, scalars) is { } single) return [single];
        Faults.Add($"{where}: must be a string or a list of strings.");
        return null;
    }

    private static string? Scalar(JsonElement value, bool scalars) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.True when scalars => "true",
        JsonValueKind.False when scalars => "false",
        JsonValueKind.Number when scalars => value.GetRawText(),
        _ => null,
    };

    [GeneratedRegex(@"\A(\*|[A-Za-z0-9-]+:[A-Za-z0-9*?.-]+)\z", RegexOptions.CultureInvariant)]
    private static partial Regex ActionPattern();

    [GeneratedRegex(@"\Aarn:aws[a-z-]*:iam::([0-9]{12}):root\z", RegexOptions.CultureInvariant)]
    private static partial Regex RootArn();

    [GeneratedRegex(@"\Aarn:aws[a-z-]*:(iam::[0-9]{12}:(user|role)|sts::[0-9]{12}:(assumed-role|federated-user))/[A-Za-z0-9+=,.@_/-]+\z", RegexOptions.CultureInvariant)]
    private static partial Regex PrincipalArn();

    private sealed class Named
    {
        public bool Everyone { get; set; }

        public List<string> Accounts { get; } = [];

        public List<string> Arns { get; } = [];

        public List<string> Providers { get; } = [];

        public List<string> Services { get; } = [];
    }
}

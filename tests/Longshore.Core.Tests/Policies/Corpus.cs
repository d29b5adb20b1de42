using System.Text.Json;
using System.Text.Json.Nodes;
using Longshore.Core.Policies;
using Longshore.Core.Tests.Policies.BruteForce;

namespace Longshore.Core.Tests.Policies;

/// <summary>A hand-written question with the answer that AWS's documentation gives it.</summary>
/// <param name="Name">A sentence; unique in its file.</param>
/// <param name="Scene">The question.</param>
/// <param name="IsTrust">It is about assuming a role.</param>
/// <param name="Expected">The decision.</param>
internal sealed record CorpusCase(string Name, AccessScene Scene, bool IsTrust, Verdict Expected)
{
    public string? Basis { get; init; }

    /// <summary>The deciding statement, "policy#index".</summary>
    public string? By { get; init; }

    public string? Reason { get; init; }
}

/// <summary>
/// A part of a statement that is true, false or unknown. As an Allow only true allows; as a Deny only false does not deny.
/// </summary>
internal sealed record CorpusRow(string Name, JsonObject Part, JsonObject Row, string Is);

/// <summary>A document that is refused, with the paths that the message names.</summary>
internal sealed record CorpusRefusal(string Name, PolicyKind Kind, string Text, string[] Paths);

/// <summary>Reads the files of Corpus/ (JSON with comments; README.md there says how they are written).</summary>
internal static class Corpus
{
    private static readonly JsonDocumentOptions WithComments = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    private static readonly Dictionary<string, Who> People = new()
    {
        ["alice"] = SceneWords.People[0],
        ["bob"] = SceneWords.People[1],
        ["away-alice"] = SceneWords.People[2],
        ["deploy"] = SceneWords.People[3],
        ["away-deploy"] = SceneWords.People[5],
        ["root"] = SceneWords.People[6],
        ["away-root"] = SceneWords.People[7],
        ["github"] = SceneWords.Outsiders[0],
        ["service"] = SceneWords.Outsiders[1],
        ["anonymous"] = new("anonymous", "", "anonymous"),
    };

    public static IReadOnlyList<string> Files { get; } =
        [.. typeof(Corpus).Assembly.GetManifestResourceNames().Where(static n => n.Contains(".Corpus.") && n.EndsWith(".json", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    public static IReadOnlyList<CorpusCase> Cases { get; } = [.. Files.SelectMany(ReadCases)];

    public static IReadOnlyList<CorpusRow> Rows { get; } =
        [.. Each("rows").Select(static row => new CorpusRow(Name(row), row["part"]!.AsObject(), row, row["is"]!.GetValue<string>()))];

    public static IReadOnlyList<CorpusRefusal> Refusals { get; } =
        [.. Each("refused").Select(static row => new CorpusRefusal(Name(row), Product.Kind(row["kind"]?.GetValue<string>() ?? "identity"), Text(row["document"]!), Strings(row["at"])))];

    public static IReadOnlyList<CorpusRefusal> Accepted { get; } =
        [.. Each("accepted").Select(static row => new CorpusRefusal(Name(row), Product.Kind(row["kind"]?.GetValue<string>() ?? "identity"), Text(row["document"]!), []))];

    /// <summary>The scene of a row: its part in an Allow by itself, or in a Deny beside an Allow of everything.</summary>
    public static AccessScene SceneOf(CorpusRow row, string effect)
    {
        var statement = new JsonObject { ["Effect"] = effect };
        foreach (var (name, value) in row.Part) statement[name] = value!.DeepClone();
        if (!statement.ContainsKey("Action") && !statement.ContainsKey("NotAction")) statement["Action"] = "*";
        if (!statement.ContainsKey("Resource") && !statement.ContainsKey("NotResource")) statement["Resource"] = "*";
        var document = new JsonObject { ["Version"] = row.Row["version"]?.GetValue<string>() ?? "2012-10-17", ["Statement"] = statement };
        if (document["Version"]!.GetValue<string>().Length == 0) document.Remove("Version");
        var ofResource = statement.ContainsKey("Principal") || statement.ContainsKey("NotPrincipal");
        var scene = Question(row.Row);
        var text = new SceneText(ofResource ? "repository" : "identity", "row", document.ToJsonString());
        var everything = new SceneText("identity", "everything", """{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}""");
        if (!ofResource) return scene with { Identity = effect == "Allow" ? [text] : [everything, text] };
        var open = new SceneText("repository", "open", """{"Statement":{"Effect":"Allow","Principal":"*","Action":"*"}}""");
        return scene with
        {
            // A caller of another account needs its own side too, which is not the question here.
            Identity = effect == "Deny" || scene.Who.Account != scene.ResourceAccount ? [everything] : [],
            ResourcePolicies = effect == "Allow" ? [text] : [open, text],
        };
    }

    private static IEnumerable<CorpusCase> ReadCases(string file)
    {
        var root = Read(file);
        var named = root["policies"]?.AsObject() ?? [];
        foreach (var node in root["cases"]?.AsArray() ?? [])
        {
            var row = node!.AsObject();
            var trust = row.ContainsKey("trust");
            yield return new CorpusCase(Name(row), Question(row) with
            {
                Identity = Policies(row, "identity", named) ?? [],
                Boundary = Policies(row, "boundary", named),
                Session = Policies(row, "session", named),
                ResourcePolicies = [.. Policies(row, "repository", named) ?? [], .. Policies(row, "registry", named) ?? []],
                Trust = Policies(row, "trust", named) ?? [],
            }, trust, Enum.Parse<Verdict>(row["expect"]!.GetValue<string>()))
            {
                Basis = row["basis"]?.GetValue<string>(),
                By = row["by"]?.GetValue<string>(),
                Reason = row["reason"]?.GetValue<string>(),
            };
        }
    }

    private static AccessScene Question(JsonObject row)
    {
        var account = row["in"]?.GetValue<string>() == "there" ? SceneWords.There : SceneWords.Here;
        var on = row["on"]?.GetValue<string>() ?? "app";
        var resource = on == "*" || on.StartsWith("arn:", StringComparison.Ordinal) ? on
            : on.StartsWith("role/", StringComparison.Ordinal) ? $"arn:aws:iam::{account}:{on}"
            : $"arn:aws:ecr:eu-west-1:{account}:repository/{on}";
        var context = new Dictionary<string, string[]>(StringComparer.OrdinalIgnoreCase);
        foreach (var (key, value) in row["context"]?.AsObject() ?? []) context[key] = Strings(value);
        return new AccessScene(People[row["as"]?.GetValue<string>() ?? "alice"], row["does"]?.GetValue<string>() ?? "ecr:BatchGetImage", resource, account) { Context = context };
    }

    private static SceneText[]? Policies(JsonObject row, string kind, JsonObject named)
    {
        if (row[kind] is not { } given) return null;
        var list = given as JsonArray ?? [given.DeepClone()];
        return
        [
            .. list.Select((node, i) =>
            {
                if (node is JsonValue value && value.TryGetValue<string>(out var name))
                {
                    if (name.StartsWith("AmazonEC2", StringComparison.Ordinal))
                        return new SceneText(kind, name, AwsManagedPolicies.Find(AwsManagedPolicies.ArnPrefix + name)!.Document);
                    if (named[name] is { } known) return new SceneText(kind, name, Text(known));
                }

                return new SceneText(kind, i == 0 ? kind : $"{kind} {i + 1}", Text(node!));
            }),
        ];
    }

    // A statement by itself is a document of the current version; a string is the text as it stands.
    private static string Text(JsonNode node)
    {
        if (node is JsonValue value && value.TryGetValue<string>(out var text)) return text;
        if (node is JsonObject statement && statement.ContainsKey("Effect") && !statement.ContainsKey("Statement"))
            node = new JsonObject { ["Version"] = "2012-10-17", ["Statement"] = node.DeepClone() };
        if (node is JsonArray) node = new JsonObject { ["Version"] = "2012-10-17", ["Statement"] = node.DeepClone() };
        return node.ToJsonString();
    }

    private static IEnumerable<JsonObject> Each(string section) =>
        Files.SelectMany(file => Read(file)[section]?.AsArray() ?? []).Select(static node => node!.AsObject());

    private static string Name(JsonObject row) => row["name"]!.GetValue<string>();

    private static string[] Strings(JsonNode? node) => node switch
    {
        null => [],
        JsonArray list => [.. list.Select(static n => n!.GetValue<string>())],
        _ => [node.GetValue<string>()],
    };

    private static JsonObject Read(string file)
    {
        using var stream = typeof(Corpus).Assembly.GetManifestResourceStream(file)!;
        return JsonNode.Parse(stream, documentOptions: WithComments)!.AsObject();
    }
}

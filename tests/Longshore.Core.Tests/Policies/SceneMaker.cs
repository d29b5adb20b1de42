using System.Text.Json.Nodes;
using Longshore.Core.Tests.Policies.BruteForce;
using static Longshore.Core.Tests.Policies.SceneWords;

namespace Longshore.Core.Tests.Policies;

/// <summary>Makes random scenes; the same number makes the same scene.</summary>
internal sealed class SceneMaker(int seed)
{
    private readonly Random random = new(seed);

    public AccessScene Access()
    {
        var resource = Pick(Resources);
        var owner = resource == "*" ? Pick([Here, There]) : resource.Split(':')[4];
        var who = Chance(4) ? Pick(Strangers) : Pick(People);
        var bare = who.Kind is not ("user" or "session");
        return new AccessScene(who, Pick(Actions), resource, owner)
        {
            Context = Context(),
            // A root, or somebody without an account, has no identity policies, no boundary and no session policies.
            Identity = bare ? [] : Policies("identity", random.Next(0, 3)),
            Boundary = bare || Chance(70) ? null : Policies("boundary", 1),
            Session = bare || Chance(75) ? null : Policies("session", random.Next(1, 3)),
            ResourcePolicies = [.. Policies("repository", random.Next(0, 2)), .. Policies("registry", Chance(70) ? 0 : 1)],
        };
    }

    public AccessScene Trust()
    {
        var role = Pick([RoleHere, RoleHere, RoleThere]);
        var who = Chance(25) ? Pick(Outsiders) : Pick(People);
        var bare = who.Kind is not ("user" or "session");
        return new AccessScene(who, Pick(TrustActions), role, role.Split(':')[4])
        {
            Context = Context(),
            Identity = bare ? [] : Policies("identity", random.Next(0, 3), trust: true),
            Boundary = bare || Chance(75) ? null : Policies("boundary", 1, trust: true),
            Session = bare || Chance(75) ? null : Policies("session", 1, trust: true),
            Trust = Policies("trust", 1, trust: true),
        };
    }

    private SceneText[] Policies(string kind, int count, bool trust = false) =>
        [.. Enumerable.Range(0, count).Select(i => new SceneText(kind, $"{kind}{i}", Document(kind, trust).ToJsonString()))];

    public JsonObject Document(string kind, bool trust = false)
    {
        var document = new JsonObject();
        var version = random.Next(5);
        if (version > 0) document["Version"] = version == 1 ? "2008-10-17" : "2012-10-17";
        if (Chance(10)) document["Id"] = "some id";
        var statements = Enumerable.Range(0, Pick([1, 1, 1, 2, 3])).Select(i => (JsonNode)Statement(kind, i, trust)).ToArray();
        document["Statement"] = statements.Length == 1 && Chance(50) ? statements[0] : new JsonArray(statements);
        return document;
    }

    private JsonObject Statement(string kind, int index, bool trust)
    {
        var statement = new JsonObject();
        if (Chance(30)) statement["Sid"] = $"S{index}";
        var allow = Chance(75);
        statement["Effect"] = allow ? "Allow" : "Deny";
        if (kind is "repository" or "registry" or "trust")
        {
            var not = Chance(15) && !(kind == "trust" && allow);
            statement[not ? "NotPrincipal" : "Principal"] = Principal(kind == "trust");
        }

        statement[Chance(15) ? "NotAction" : "Action"] = OneOrMore(trust ? TrustActionPatterns : ActionPatterns);
        if (kind is not ("trust" or "repository") || (Chance(40) && kind != "trust"))
            statement[Chance(12) ? "NotResource" : "Resource"] = OneOrMore(trust ? RolePatterns : ResourcePatterns);
        if (Chance(45)) statement["Condition"] = Condition();
        return statement;
    }

    private JsonNode Principal(bool trust)
    {
        if (Chance(25)) return JsonValue.Create("*");
        var principal = new JsonObject();
        if (!trust || Chance(80)) principal["AWS"] = OneOrMore(PrincipalEntries);
        if (trust && (principal.Count == 0 || Chance(25))) principal["Federated"] = Chance(80) ? Provider : "arn:aws:iam::111122223333:oidc-provider/other.example";
        if (trust && Chance(15)) principal["Service"] = OneOrMore(["ecr.amazonaws.com", "ec2.amazonaws.com"]);
        return principal;
    }

    private JsonObject Condition()
    {
        var condition = new JsonObject();
        for (var i = Pick([1, 1, 1, 2]); i > 0; i--)
        {
            var (name, keys, values) = Operator();
            var block = condition[name] as JsonObject;
            if (block is null) condition[name] = block = [];
            for (var k = Pick([1, 1, 1, 2]); k > 0; k--)
            {
                var key = Pick(keys);
                if (Chance(10)) key = key.ToUpperInvariant();
                if (!block.Any(p => p.Key.Equals(key, StringComparison.OrdinalIgnoreCase))) block[key] = Values(name, values);
            }
        }

        return condition;
    }

    private JsonNode Values(string name, string[] values)
    {
        if (name.Contains("Numeric", StringComparison.Ordinal) && Chance(30)) return JsonValue.Create(random.Next(0, 11));
        if ((name.Contains("Bool", StringComparison.Ordinal) || name == "Null") && Chance(30)) return JsonValue.Create(Chance(50));
        return OneOrMore(values);
    }

    private (string Name, string[] Keys, string[] Values) Operator()
    {
        if (Chance(10)) return ("Null", [.. StringKeys, NumberKey, AddressKey], Bools);
        (string Name, string[] Keys, string[] Values) chosen = random.Next(8) switch
        {
            0 or 1 or 2 => (Pick(["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike"]), StringKeys, StringPatterns),
            3 => ("Numeric" + Pick(Comparisons), [NumberKey], Numbers),
            4 => ("Date" + Pick(Comparisons), DateKeys, Dates),
            5 => (Pick(["IpAddress", "NotIpAddress"]), [AddressKey], Ranges),
            6 => (Pick(["ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"]), ArnKeys, ArnPatterns),
            _ => Chance(70) ? ("Bool", [BoolKey], Bools) : ("BinaryEquals", [BinaryKey], Bytes),
        };
        var prefix = Chance(65) ? "" : Pick(["ForAllValues:", "ForAnyValue:"]);
        var suffix = Chance(25) ? "IfExists" : "";
        return (prefix + chosen.Name + suffix, chosen.Keys, chosen.Values);
    }

    private static readonly string[] Comparisons = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"];

    private Dictionary<string, string[]> Context()
    {
        var context = new Dictionary<string, string[]>(StringComparer.OrdinalIgnoreCase);
        foreach (var key in StringKeys) Put(context, key, StringValues, mayBeIllFormed: false);
        foreach (var key in ArnKeys) Put(context, key, Arns);
        foreach (var key in DateKeys) Put(context, key, Dates);
        Put(context, NumberKey, Numbers);
        Put(context, AddressKey, Addresses);
        Put(context, BoolKey, Bools);
        Put(context, BinaryKey, Bytes, mayBeIllFormed: false);
        return context;
    }

    private void Put(Dictionary<string, string[]> context, string key, string[] values, bool mayBeIllFormed = true)
    {
        var kind = random.Next(20);
        if (kind < 3) return;
        if (kind == 3) context[key] = [];
        else if (kind == 4 && mayBeIllFormed) context[key] = [Pick(IllFormed)];
        else if (kind < 8) context[key] = [Pick(values), mayBeIllFormed && kind == 5 ? Pick(IllFormed) : Pick(values)];
        else context[key] = [Pick(values)];
    }

    private JsonNode OneOrMore(string[] from)
    {
        var count = Pick([1, 1, 1, 2, 3]);
        var chosen = Enumerable.Range(0, count).Select(_ => (JsonNode)JsonValue.Create(Pick(from))).ToArray();
        return count == 1 && Chance(60) ? chosen[0] : new JsonArray(chosen);
    }

    private T Pick<T>(T[] from) => from[random.Next(from.Length)];

    private bool Chance(int percent) => random.Next(100) < percent;
}

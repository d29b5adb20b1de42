using System.Text.Json.Nodes;
using FsCheck.Fluent;
using Longshore.Core.Policies;

namespace Longshore.Core.Tests.Policies;

/// <summary>Whatever stands in a document or in a request: it is refused or decided, and nothing throws.</summary>
public class PolicyFuzzTests
{
    private static readonly PolicyKind[] Kinds = Enum.GetValues<PolicyKind>();

    // What is easily cut wrong: borders of numbers, dates and addresses, halves of variables, and characters of no use.
    private static readonly string[] OddTexts =
    [
        "", " ", "*", "**", "?", "${", "${}", "${a", "${a:b}", "${a:b, 'c'}", "${a:b,'c", "${a:b, }", "${$}", "${*}", "$", "}", ":", "::::::", "arn", "arn:", "arn:aws:ecr:::",
        "arn:aws:ecr:*:*:*", "arn:aws:iam::111122223333:root", "arn:aws:iam::1:user/", "arn:aws:sts::111122223333:assumed-role/", "111122223333", "-1", "1e999999999", "1e-999999999",
        "NaN", "Infinity", "79228162514264337593543950336", "0.00000000000000000000000000000000000001", "99999999999999999999999999999999", "-99999999999999999999",
        "253402300800", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "0000-00-00", "2026-02-30", "2026-06-30T24:00:00Z", "2026-06-30T23:59:60Z", "٢٠٢٦-٠١-٠١", "١",
        "0.0.0.0/0", "0.0.0.0/-0", "1.2.3.4/33", "1.2.3.4/", "/", "1.2.3.4/1/1", "1.2.3", "01.2.3.4", "0x7f.1", "1.2.3.4%1", "::", "::/129", "::ffff:1.2.3.4/95", "::ffff:1.2.3.4/0", "::ffff:0:0/96",
        "fe80::1%eth0", "[::1]", "[::1]:80", "1.2.3.4:80", "true", "TRUE", "tru", "QQ==", "QQ=", "Q Q=", "\0", "\ud800", "\udfff\ud800", "\ue000", "\ue001", "ß", "ſ", "İ", "K", "a\r\nb", "ecr:*", "ecr:", ":ecr", "ecr:a:b",
    ];

    private static readonly string[] Names =
    [
        "Version", "Id", "Statement", "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition", "AWS", "Federated", "Service",
        "StringEquals", "StringLike", "NumericLessThan", "DateEquals", "Bool", "IpAddress", "ArnLike", "BinaryEquals", "Null", "ForAllValues:StringLike", "ForAnyValue:IpAddressIfExists", "ForAllValues:", "IfExists", "Not", "aws:SourceIp", "a:b", "",
    ];

    private static readonly string[] Bits = ["{", "}", "[", "]", "\"", ",", ":", "*", "?", "$", "${", "\\", "\\u0000", "\\ud800", "null", "1e400", "\"Effect\":\"Deny\",", "\0", "\ufeff", "//", " "];

    [Fact]
    public void Any_text_is_refused_or_decided() => Prop.ForAll(Arb.From(Generators.AnyText), static text => Survives(text, 0)).Check(3000);

    [Fact]
    public void Any_JSON_of_the_words_of_policies_is_refused_or_decided() =>
        Prop.ForAll(Arb.From(Gen.Choose(0, int.MaxValue - 1)), static seed => Survives(Node(new Random(seed), 6)?.ToJsonString() ?? "null", seed)).Check(10_000);

    [Fact]
    public void A_document_with_broken_characters_is_refused_or_decided() =>
        Prop.ForAll(Arb.From(Gen.Choose(0, int.MaxValue - 1)), static seed => Survives(Garble(seed), seed)).Check(10_000);

    [Fact]
    public void A_document_with_odd_values_is_refused_or_decided() =>
        Prop.ForAll(Arb.From(Gen.Choose(0, int.MaxValue - 1)), static seed => Survives(Replace(seed), seed)).Check(10_000);

    [Fact]
    public void Odd_values_meet_every_operator()
    {
        string[] operators =
        [
            "StringEquals", "StringNotEqualsIgnoreCase", "StringLike", "NumericEquals", "NumericLessThan", "NumericNotEquals", "DateEquals", "DateGreaterThan", "DateNotEquals",
            "Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals", "ArnNotLike", "Null",
        ];
        var read = 0;
        foreach (var name in operators)
        {
            foreach (var value in OddTexts)
            {
                var text = new JsonObject
                {
                    ["Version"] = "2012-10-17",
                    ["Statement"] = new JsonObject { ["Effect"] = "Deny", ["Action"] = "*", ["Resource"] = "*", ["Condition"] = new JsonObject { [name] = new JsonObject { ["a:b"] = value } } },
                }.ToJsonString();
                if (!PolicyDocument.Parse(text, PolicyKind.Identity).TryGet(out var document, out _)) continue;
                read++;
                foreach (var given in OddTexts) Evaluate(document, PolicyKind.Identity, new ConditionValues().Add("a:b", given), "ecr:PutImage", "*");
                Evaluate(document, PolicyKind.Identity, new ConditionValues().Add("a:b", OddTexts), "ecr:PutImage", "*");
            }
        }

        Assert.True(read > 300, $"{read} documents were read");
    }

    [Fact]
    public void Enough_of_what_is_tried_can_be_read()
    {
        // Otherwise only refusals would be tried.
        var replaced = Enumerable.Range(0, 1000).Count(static seed => Kinds.Any(kind => PolicyDocument.Parse(Replace(seed), kind).Succeeded));
        var garbled = Enumerable.Range(0, 1000).Count(static seed => Kinds.Any(kind => PolicyDocument.Parse(Garble(seed), kind).Succeeded));
        Assert.True(replaced > 80 && garbled > 50, $"{replaced} and {garbled} of 1000");
    }

    private static bool Survives(string text, int seed)
    {
        var random = new Random(seed);
        foreach (var kind in Kinds)
        {
            var parsed = PolicyDocument.Parse(text, kind);
            if (parsed.Succeeded)
            {
                var context = new ConditionValues().Add("a:b", Odd(random)).Add("aws:SourceIp", Odd(random), Odd(random)).Add("aws:username", Odd(random)).Add("aws:TagKeys");
                Evaluate(parsed.Value, kind, context, Odd(random), Odd(random));
                Evaluate(parsed.Value, kind, ConditionValues.Empty, "ecr:BatchGetImage", "arn:aws:ecr:eu-west-1:111122223333:repository/app");
            }
            else if (parsed.Error.Code != ErrorCode.InvalidParameter || parsed.Error.Message.Length == 0)
            {
                return false;
            }
        }

        return true;
    }

    private static void Evaluate(PolicyDocument document, PolicyKind kind, ConditionValues context, string action, string resource)
    {
        var set = new PolicySet([new AttachedPolicy(kind, "fuzz", document)]);
        foreach (var who in new[] { new PolicyPrincipal(PolicyPrincipalKind.User, "111122223333", "arn:aws:iam::111122223333:user/alice"), new PolicyPrincipal(PolicyPrincipalKind.Anonymous, "", "") })
        {
            var query = new AccessQuery(who, action, resource, "111122223333", context);
            var decision = kind switch
            {
                PolicyKind.Identity => AccessEvaluator.Decide(query, new ApplicablePolicies { Identity = set }),
                PolicyKind.Boundary => AccessEvaluator.Decide(query, new ApplicablePolicies { Boundary = set }),
                PolicyKind.Session => AccessEvaluator.Decide(query, new ApplicablePolicies { Session = set }),
                PolicyKind.Trust => AccessEvaluator.DecideTrust(query, ApplicablePolicies.None, set),
                _ => AccessEvaluator.Decide(query, new ApplicablePolicies { Resource = set }),
            };
            Assert.NotEmpty(AccessEvaluator.Explain(query, decision));
        }
    }

    private static string Garble(int seed)
    {
        var random = new Random(seed);
        var text = Valid(seed).ToJsonString();
        for (var i = random.Next(1, 4); i > 0 && text.Length > 0; i--)
        {
            var at = random.Next(text.Length);
            var length = Math.Min(random.Next(1, 12), text.Length - at);
            text = random.Next(5) switch
            {
                0 => text.Remove(at, length),
                1 => text.Insert(at, Bits[random.Next(Bits.Length)]),
                2 => text[..at],
                3 => text.Insert(at, text.Substring(at, length)),
                _ => text.Remove(at, 1).Insert(at, ((char)random.Next(32, 127)).ToString()),
            };
        }

        return text;
    }

    private static string Replace(int seed)
    {
        var random = new Random(seed);
        var document = Valid(seed);
        for (var i = random.Next(1, 3); i > 0; i--)
        {
            var values = Leaves(document).ToArray();
            if (values.Length == 0) break;
            // Values of conditions take nearly anything, and are where it matters.
            var inConditions = values.Where(static v => v.GetPath().Contains("Condition", StringComparison.Ordinal)).ToArray();
            if (inConditions.Length > 0 && random.Next(3) > 0) values = inConditions;
            var chosen = values[random.Next(values.Length)];
            JsonNode? value = random.Next(4) == 0 ? Node(random, 2) : JsonValue.Create(Odd(random));
            switch (chosen.Parent)
            {
                case JsonObject parent: parent[chosen.GetPropertyName()] = value; break;
                case JsonArray parent: parent[chosen.GetElementIndex()] = value; break;
            }
        }

        return document.ToJsonString();
    }

    private static JsonObject Valid(int seed) => new SceneMaker(seed).Document(Kinds[seed % Kinds.Length].ToString().ToLowerInvariant());

    private static IEnumerable<JsonNode> Leaves(JsonNode node) => node switch
    {
        JsonObject o => o.Where(static p => p.Value is not null).SelectMany(static p => Leaves(p.Value!)),
        JsonArray a => a.Where(static n => n is not null).SelectMany(static n => Leaves(n!)),
        _ => [node],
    };

    private static JsonNode? Node(Random random, int depth)
    {
        switch (random.Next(depth > 0 ? 9 : 5))
        {
            case 0: return null;
            case 1: return JsonValue.Create(random.Next(2) == 0);
            case 2: return JsonValue.Create(random.Next(-5, 5) * 1e10);
            case 3 or 4: return JsonValue.Create(Odd(random));
            case 5: return new JsonArray([.. Enumerable.Range(0, random.Next(4)).Select(_ => Node(random, depth - 1))]);
            default:
                var o = new JsonObject();
                for (var i = random.Next(1, 6); i > 0; i--) o[Names[random.Next(Names.Length)]] = Node(random, depth - 1);
                if (depth == 6) o["Statement"] ??= Node(random, depth - 1);
                return o;
        }
    }

    private static string Odd(Random random) => OddTexts[random.Next(OddTexts.Length)];
}

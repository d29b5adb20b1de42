using FsCheck;
using FsCheck.Fluent;
using Longshore.Core.Lifecycle;

namespace Longshore.Core.Tests.Lifecycle;

public class LifecyclePolicyParserTests
{
    [Theory]
    [InlineData("", "", "Could not map policyString into LifecyclePolicy.")]
    [InlineData("{", "", "Could not map policyString into LifecyclePolicy.")]
    [InlineData("[]", "", "instance type (array) does not match any allowed primitive type (allowed: [\"object\"])")]
    [InlineData("{}", "", "object has missing required properties ([\"rules\"])")]
    [InlineData("{\"rules\":[],\"x\":1}", "", "object instance has properties which are not allowed by the schema: ([\"x\"])")]
    [InlineData("{\"rules\":null}", "rules", "instance type (null) does not match any allowed primitive type (allowed: [\"array\"])")]
    [InlineData("{\"rules\":[]}", "rules", "array is too short: must have at least 1 elements but instance has 0 elements")]
    [InlineData("{\"rules\":[1]}", "rules[0]", "instance type (number) does not match any allowed primitive type (allowed: [\"object\"])")]
    public void A_document_of_another_shape_is_refused(string text, string path, string message) => AssertFault(text, path, message);

    [Theory]
    [InlineData("'rulePriority':1", "'rulePriority':0", "rules[0].rulePriority", "numeric instance is lower than the required minimum (minimum: 1, found: 0)")]
    [InlineData("'rulePriority':1", "'rulePriority':1.5", "rules[0].rulePriority", "instance type (number) does not match any allowed primitive type (allowed: [\"integer\"])")]
    [InlineData("'rulePriority':1", "'rulePriority':'1'", "rules[0].rulePriority", "instance type (string) does not match any allowed primitive type (allowed: [\"integer\"])")]
    [InlineData("'rulePriority':1,", "", "rules[0]", "object has missing required properties ([\"rulePriority\"])")]
    [InlineData("'rulePriority':1", "'rulePriority':1,'rulePriority':2", "rules[0].rulePriority", "rulePriority is given twice")]
    [InlineData("'description':'d'", "'description':null", "rules[0].description", "instance type (null) does not match any allowed primitive type (allowed: [\"string\"])")]
    [InlineData("'description':'d'", "'descriptoin':'d'", "rules[0]", "object instance has properties which are not allowed by the schema: ([\"descriptoin\"])")]
    [InlineData("'type':'expire'", "'type':'keep'", "rules[0].action.type", "instance value (keep) not found in enum :(possible values: [\"expire\",\"transition\"])")]
    [InlineData("'type':'expire'", "'type':'expire','targetStorageClass':'archive'", "rules[0].action", "object instance has properties which are not allowed by the schema: ([\"targetStorageClass\"])")]
    [InlineData("'type':'expire'", "'type':'transition'", "rules[0].action", "object has missing required properties ([\"targetStorageClass\"])")]
    [InlineData("'type':'expire'", "'type':'transition','targetStorageClass':'standard'", "rules[0].action.targetStorageClass", "instance value (standard) not found in enum :(possible values: [\"archive\"])")]
    [InlineData("'tagStatus':'tagged'", "'tagStatus':'Tagged'", "rules[0].selection.tagStatus", "instance value (Tagged) not found in enum :(possible values: [\"tagged\",\"untagged\",\"any\"])")]
    [InlineData("'tagPrefixList':['v'],", "", "rules[0].selection", "tagPrefixList or tagPatternList is required when tagStatus is tagged")]
    [InlineData("'tagPrefixList':['v']", "'tagPrefixList':['v'],'tagPatternList':['v*']", "rules[0].selection", "tagPrefixList and tagPatternList cannot be used in one rule")]
    [InlineData("'tagPrefixList':['v']", "'tagPrefixList':[]", "rules[0].selection.tagPrefixList", "array is too short: must have at least 1 elements but instance has 0 elements")]
    [InlineData("'tagPrefixList':['v']", "'tagPrefixList':['v','v']", "rules[0].selection.tagPrefixList[1]", "\"v\" is used by rules[0] already; the entries of tagPrefixList must be unique across rules")]
    [InlineData("'tagPrefixList':['v']", "'tagPrefixList':['']", "rules[0].selection.tagPrefixList[0]", "string must have 1 to 300 characters, found: 0")]
    [InlineData("'tagPrefixList':['v']", "'tagPrefixList':['v*']", "rules[0].selection.tagPrefixList[0]", "\"v*\" has characters that no tag can have")]
    [InlineData("'tagPrefixList':['v']", "'tagPatternList':['test*1*2*3*4*5*6']", "rules[0].selection.tagPatternList[0]", "\"test*1*2*3*4*5*6\" has more than 4 wildcards")]
    [InlineData("'tagStatus':'tagged'", "'tagStatus':'untagged'", "rules[0].selection.tagPrefixList", "tagPrefixList cannot be used when tagStatus is untagged")]
    [InlineData("'tagStatus':'tagged'", "'tagStatus':'any'", "rules[0].selection.tagPrefixList", "tagPrefixList cannot be used when tagStatus is any")]
    [InlineData("'countNumber':5", "'countNumber':0", "rules[0].selection.countNumber", "numeric instance is lower than the required minimum (minimum: 1, found: 0)")]
    [InlineData("'countNumber':5", "'countNumber':1e400", "rules[0].selection.countNumber", "numeric instance is greater than the required maximum (maximum: 2147483647, found: 1e400)")]
    [InlineData("'countNumber':5", "'countNumber':99999999999", "rules[0].selection.countNumber", "numeric instance is greater than the required maximum (maximum: 2147483647, found: 99999999999)")]
    [InlineData(",'countUnit':'days'", "", "rules[0].selection", "object has missing required properties ([\"countUnit\"])")]
    [InlineData("'countUnit':'days'", "'countUnit':'hours'", "rules[0].selection.countUnit", "instance value (hours) not found in enum :(possible values: [\"days\"])")]
    [InlineData("'sinceImagePushed'", "'imageCountMoreThan'", "rules[0].selection.countUnit", "countUnit cannot be used when countType is imageCountMoreThan")]
    [InlineData("'sinceImagePushed'", "'sinceImagePulled'", "rules[0].selection.countType", "sinceImagePulled can only be used with the action transition")]
    [InlineData("'countNumber':5", "'countNumber':5,'storageClass':'archive'", "rules[0].selection.storageClass", "storageClass must be standard when countType is sinceImagePushed")]
    [InlineData("'sinceImagePushed','countNumber':5", "'sinceImageTransitioned','countNumber':89,'storageClass':'archive'", "rules[0].selection.countNumber", "numeric instance is lower than the required minimum (minimum: 90, found: 89)")]
    [InlineData("'sinceImagePushed','countNumber':5", "'sinceImageTransitioned','countNumber':90", "rules[0].selection.storageClass", "storageClass must be archive when countType is sinceImageTransitioned")]
    public void A_rule_that_breaks_the_language_is_refused_at_its_place(string part, string instead, string path, string message) =>
        AssertFault(Document(Rule.Replace(part, instead, StringComparison.Ordinal)), path, message);

    [Fact]
    public void All_faults_are_told_at_once()
    {
        var text = Document(Rule.Replace("'countNumber':5", "'countNumber':0", StringComparison.Ordinal), Rule.Replace("'type':'expire'", "'type':'keep'", StringComparison.Ordinal));
        Assert.False(LifecyclePolicyParser.TryParse(text, out _, out var faults));
        Assert.Equal(["rules[0].selection.countNumber", "rules[1].action.type"], faults.Select(static f => f.Path));
        Assert.StartsWith("Lifecycle policy validation failure: numeric instance is lower than the required minimum (minimum: 1, found: 0) at rules[0].selection.countNumber\ninstance value", LifecyclePolicyFault.ToReason(faults), StringComparison.Ordinal);
    }

    [Fact]
    public void Faults_between_rules_are_told_beside_faults_within_them()
    {
        var text = Document(Rule, Rule.Replace("['v']", "['w']", StringComparison.Ordinal), "{}");
        Assert.False(LifecyclePolicyParser.TryParse(text, out _, out var faults));
        Assert.Equal(["rules[2]", "rules[1].rulePriority"], faults.Select(static f => f.Path));
    }

    [Fact]
    public void Priorities_are_unique_and_any_comes_last_in_its_class()
    {
        const string Any = "{'rulePriority':1,'selection':{'tagStatus':'any','countType':'imageCountMoreThan','countNumber':5},'action':{'type':'expire'}}";
        AssertFault(Document(Rule, Rule.Replace("['v']", "['w']", StringComparison.Ordinal)), "rules[1].rulePriority", "rulePriority 1 is used by rules[0] already; priorities must be unique");
        AssertFault(Document(Any, Rule.Replace("'rulePriority':1", "'rulePriority':2", StringComparison.Ordinal)), "rules[0].rulePriority", "a rule with tagStatus any must have the highest rulePriority of its storage class: more than 2");
        Assert.True(LifecyclePolicyParser.TryParse(Document(Any.Replace("'rulePriority':1", "'rulePriority':2", StringComparison.Ordinal), Rule), out var policy, out _));
        Assert.Equal([1, 2], policy.Rules.Select(static r => r.Priority));
    }

    [Fact]
    public void Archive_rules_have_their_own_any_and_untagged_rules()
    {
        const string Archive = "{'rulePriority':9,'selection':{'tagStatus':'any','storageClass':'archive','countType':'sinceImageTransitioned','countUnit':'days','countNumber':365},'action':{'type':'expire'}}";
        const string Any = "{'rulePriority':8,'selection':{'tagStatus':'any','storageClass':'standard','countType':'sinceImagePulled','countUnit':'days','countNumber':90},'action':{'type':'transition','targetStorageClass':'archive'}}";
        Assert.True(LifecyclePolicyParser.TryParse(Document(Archive, Any), out _, out var faults), string.Join(';', faults));
    }

    [Theory]
    [InlineData("*test*1*2*3")]
    [InlineData("*")]
    [InlineData("exact")]
    public void Patterns_of_up_to_four_wildcards_are_taken(string pattern) =>
        Assert.True(LifecyclePolicyParser.TryParse(Document(Rule.Replace("'tagPrefixList':['v']", $"'tagPatternList':['{pattern}']", StringComparison.Ordinal)), out _, out _));

    [Fact]
    public void The_length_of_the_text_is_bounded()
    {
        AssertFault(Document(Rule).PadRight(30_721), "", "the text has 30721 characters and must have 0 to 30720");
        Assert.False(LifecyclePolicyParser.TryParse("{\"rules\":[]}", out _, out var faults));
        Assert.Equal("the text has 12 characters and must have 100 to 30720", Assert.Single(faults).Message);
    }

    [Fact]
    public void Fifty_rules_are_taken_and_fifty_one_are_not()
    {
        string[] Rules(int count) => [.. Enumerable.Range(1, count).Select(n => Rule.Replace("'rulePriority':1", $"'rulePriority':{n}", StringComparison.Ordinal).Replace("['v']", $"['v{n}']", StringComparison.Ordinal))];
        Assert.True(LifecyclePolicyParser.TryParse(Document(Rules(50)), out var policy, out _));
        Assert.Equal(50, policy.Rules.Count);
        AssertFault(Document(Rules(51)), "rules", "array is too long: must have at most 50 elements but instance has 51 elements");
    }

    [Fact]
    public void No_text_makes_the_parser_throw() => Prop.ForAll(
        Arb.From(Gen.OneOf(Generators.AnyText, Generators.TextOf(30, "{", "}", "[", "]", "\"", ":", ",", "rules", "\"rules\"", "null", "1", "1e9999", "\\ud800", "selection", " "), Damaged())),
        static text => LifecyclePolicyParser.TryParse(text, 0, out var policy, out var faults) ? policy.Rules.Count > 0 && faults.Count == 0 : faults.Count > 0).Check(5000);

    private const string Rule =
        "{'rulePriority':1,'description':'d','selection':{'tagStatus':'tagged','tagPrefixList':['v'],'countType':'sinceImagePushed','countNumber':5,'countUnit':'days'},'action':{'type':'expire'}}";

    private static Gen<string> Damaged() =>
        from at in Gen.Choose(0, Rule.Length)
        from length in Gen.Choose(0, 12)
        from piece in Gen.Elements("", "null", "[]", "{}", "'x'", "9999999999999999999999999999999999", "-1", ",", "[[[[")
        let text = Document(Rule)
        select text[..Math.Min(at, text.Length)] + piece.Replace('\'', '"') + text[Math.Min(at + length, text.Length)..];

    private static string Document(params string[] rules) => $"{{\"rules\":[{string.Join(',', rules).Replace('\'', '"')}]}}";

    private static void AssertFault(string text, string path, string message)
    {
        Assert.False(LifecyclePolicyParser.TryParse(text, 0, out _, out var faults));
        Assert.Contains(new LifecyclePolicyFault(path, message), faults);
    }
}

using Longshore.Core.Lifecycle;

namespace Longshore.Core.Tests.Lifecycle;

public class LifecycleLintTests
{
    private const string Count = "imageCountMoreThan";

    [Fact]
    public void A_rule_that_an_earlier_one_covers_can_never_act()
    {
        Expect("shadowed", "rules[1]", new Scene().Rule(1, ["v"], Count, 5, prefixes: true).Rule(2, ["v1*"], Count, 5));
        Expect("shadowed", "rules[1]", new Scene().Rule(1, ["*"], Count, 5).Rule(2, ["x", "y"], Count, 5, prefixes: true));
        Expect("shadowed", "rules[1]", new Scene().Rule(1, ["rel-*"], Count, 5).Rule(2, ["rel-1"], Count, 5));
        ExpectNone("shadowed", new Scene().Rule(1, ["v1*"], Count, 5).Rule(2, ["v"], Count, 5, prefixes: true));
        ExpectNone("shadowed", new Scene().Rule(1, ["v*", "w*"], Count, 5).Rule(2, ["v1*"], Count, 5));
        ExpectNone("shadowed", new Scene().Rule(1, ["*-prod"], Count, 5).Rule(2, ["v*"], Count, 5));
    }

    [Fact]
    public void A_list_that_no_single_tag_meets_is_told()
    {
        Expect("and-list", "rules[0].selection.tagPrefixList", new Scene().Rule(1, ["prod", "dev"], Count, 5, prefixes: true));
        ExpectNone("and-list", new Scene().Rule(1, ["v*", "*-prod"], Count, 5));
    }

    [Fact]
    public void An_entry_that_another_one_implies_is_told() => Expect("and-list", "rules[0].selection.tagPrefixList", new Scene().Rule(1, ["v", "v1"], Count, 5, prefixes: true));

    [Fact]
    public void Faults_are_findings_with_their_path()
    {
        var finding = Assert.Single(LifecycleLint.Check("{\"rules\":[]}".PadRight(120), out var policy));
        Assert.Null(policy);
        Assert.Equal(("invalid", LintSeverity.Error, "rules"), (finding.Code, finding.Severity, finding.Path));
    }

    [Fact]
    public void Images_tell_of_dead_rules_uncovered_tags_and_a_short_way_back()
    {
        var scene = new Scene().Rule(1, ["v"], Count, 3, prefixes: true).Rule(2, ["old"], Count, 3, prefixes: true);
        for (var i = 0; i < 56; i++) scene.Image($"i{i}", i * 0.5, [$"v{i}"]);
        scene.Image("x", 1, ["dev-1"]).Image("y", 1);
        var findings = LifecycleLint.Check(scene.Policy, scene.Images, 7, Scene.Now);
        Assert.Equal(["rollback", "dead", "uncovered"], findings.Select(static f => f.Code));
        Assert.Contains("way back of 1.5 days", findings[0].Message, StringComparison.Ordinal);
        Assert.Equal("keep at least 14 for 7 days", findings[0].Fix);
        Assert.Contains("2 of 58 images (tags such as dev-1; 1 without a tag)", findings[2].Message, StringComparison.Ordinal);
    }

    private static void Expect(string code, string path, Scene scene) => Assert.Contains(LifecycleLint.Check(scene.Text.PadRight(100), out _), f => f.Code == code && f.Path == path);

    private static void ExpectNone(string code, Scene scene) => Assert.DoesNotContain(LifecycleLint.Check(scene.Text.PadRight(100), out _), f => f.Code == code);
}

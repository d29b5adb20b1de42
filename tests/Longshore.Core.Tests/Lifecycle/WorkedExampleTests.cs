using Longshore.Core.Lifecycle;

namespace Longshore.Core.Tests.Lifecycle;

/// <summary>The 16 worked examples of the behaviour specification, section 1.5.</summary>
public class WorkedExampleTests
{
    private const string Count = "imageCountMoreThan";
    private const string Pushed = "sinceImagePushed";

    [Fact]
    public void W1_tagged_images_older_than_the_bound_expire() => Expect(
        "expire A(r1)",
        new Scene().Image("A", 15, ["prod-1"]).Image("B", 14, ["prod-2"]).Image("C", 40, ["dev-1"]).Image("D", 40)
            .Rule(1, ["prod*"], Pushed, 14));

    [Fact]
    public void W2_all_but_the_youngest_untagged_image_expire() => Expect(
        "expire A(r1) expire B(r1)",
        new Scene().Image("A", 9).Image("B", 5).Image("C", 30, ["v1"]).Image("D", 1).Rule(1, null, Count, 1, status: "untagged"));

    [Fact]
    public void W3_what_belongs_to_an_earlier_rule_is_out_of_reach_for_a_later_one() =>
        Expect("expire A(r1)", Betas().Rule(1, ["prod*"], Count, 1).Rule(2, ["beta*"], Count, 1));

    [Fact]
    public void W4_the_order_of_rules_matters() => Expect("expire A(r1) expire B(r1)", Betas().Rule(1, ["beta*"], Count, 1).Rule(2, ["prod*"], Count, 1));

    [Fact]
    public void W5_every_pattern_of_a_list_must_be_met() => Expect(
        "expire C(r1)",
        new Scene().Image("A", 12, ["alpha-1"]).Image("B", 11, ["beta-1"]).Image("C", 10, ["alpha-2", "beta-2"])
            .Image("D", 4, ["alpha-3"]).Image("E", 3, ["beta-3"]).Image("F", 2, ["alpha-4", "beta-4"])
            .Rule(1, ["alpha*", "beta*"], Pushed, 5));

    [Fact]
    public void W6_further_tags_do_not_matter() => Expect(
        "expire A(r1) expire B(r1)",
        new Scene().Image("A", 10, ["alpha-1", "beta-1", "gamma-1"]).Image("B", 9, ["alpha-2", "beta-2"]).Image("C", 8, ["alpha-3", "beta-3", "gamma-2"])
            .Rule(1, ["alpha*", "beta*"], Count, 1));

    [Fact]
    public void W7_any_counts_tagged_and_untagged_images() => Expect(
        "expire A(r1) expire B(r1) expire C(r1)",
        new Scene().Image("A", 4, ["alpha-1"]).Image("B", 3, ["beta-1"]).Image("C", 2).Image("D", 1, ["alpha-2"])
            .Rule(1, null, Count, 1, status: "any"));

    [Fact]
    public void W8_each_rule_takes_its_own_and_the_youngest_slot_may_be_taken_by_a_claimed_image() => Expect(
        "expire A(r1) expire B(r2) expire D(r3)",
        new Scene().Image("A", 4, ["alpha-1", "beta-1"]).Image("B", 3).Image("C", 2, ["alpha-2"]).Image("D", 1, ["git-0123abc"]).Image("E", 1)
            .Rule(1, ["alpha*"], Count, 1).Rule(2, null, Pushed, 1, status: "untagged").Rule(3, null, Count, 1, status: "any"));

    [Fact]
    public void W9_pulls_count_from_the_restore_when_there_was_none_since() => Expect(
        "archive B(r1) archive E(r1) archive F(r1)",
        new Scene().Image("A", 200, pulled: 5).Image("B", 200).Image("C", 80).Image("D", 300, pulled: 150, archived: 200, restored: 20)
            .Image("E", 300, pulled: 150, archived: 200, restored: 120).Image("F", 300, pulled: 91)
            .Rule(1, null, "sinceImagePulled", 90, "transition", status: "any"));

    [Fact]
    public void W10_each_storage_class_has_its_own_rules() => Expect(
        "archive B(r1) expire C(r2)",
        new Scene().Image("A", 10, ["v1"]).Image("B", 45, ["v2"]).Image("C", 500, archived: 400).Image("D", 500, archived: 300)
            .Rule(1, null, Pushed, 30, "transition", status: "any").Rule(2, null, "sinceImageTransitioned", 365, status: "any", storageClass: "archive"));

    [Fact]
    public void W11_an_image_that_an_index_lists_stays()
    {
        var scene = new Scene().Image("I", 40, ["v1"]).Image("a", 40, listedBy: ["I"]).Image("b", 40, listedBy: ["I"]).Image("o", 40)
            .Rule(1, null, Pushed, 7, status: "untagged");
        Expect("expire o(r1)", scene);
        Assert.Equal(LifecycleReason.ReferencedByManifestList, scene.Of("a").Reason);
        Assert.Equal(LifecycleReason.ReferencedByManifestList, scene.Of("b").Reason);
    }

    [Fact]
    public void W12_a_rule_that_does_nothing_shields() => Expect(
        "expire d1(r100) expire d2(r100)",
        new Scene().Image("P1", 300, ["release-1"]).Image("P2", 200, ["release-2"]).Image("d1", 50, ["dev-1"]).Image("d2", 40, ["dev-2"]).Image("d3", 3)
            .Rule(1, ["release-*"], Count, 9999).Rule(100, null, Pushed, 30, status: "any"));

    [Fact]
    public void W13_one_tag_may_meet_several_patterns() => Expect(
        "expire A(r1) expire D(r1)",
        new Scene().Image("A", 40, ["v1-prod"]).Image("B", 40, ["v2"]).Image("C", 40, ["x-prod"]).Image("D", 40, ["v3", "y-prod"])
            .Rule(1, ["v*", "*-prod"], Pushed, 30));

    [Fact]
    public void W14_an_image_of_two_rules_belongs_to_the_first() => Expect(
        "expire C(r10)",
        new Scene().Image("A", 60, ["prod-1"]).Image("B", 50, ["prod-2", "tmp-2"]).Image("C", 50, ["tmp-3"]).Image("D", 5, ["tmp-4"])
            .Rule(5, ["prod"], Count, 5, prefixes: true).Rule(10, ["tmp"], Pushed, 7, prefixes: true));

    [Fact]
    public void W15_claimed_images_fill_slots() => Expect(
        "expire C(r2) expire D(r2)",
        new Scene().Image("A", 1, ["keep-1"]).Image("B", 2, ["keep-2"]).Image("C", 3, ["x-1"]).Image("D", 4, ["x-2"])
            .Rule(1, ["keep"], Count, 10, prefixes: true).Rule(2, null, Count, 2, status: "any"));

    [Fact]
    public void W16_children_go_after_their_index_and_referrers_with_their_subject()
    {
        var rules = new Scene().Rule(1, ["v*"], Pushed, 30).Rule(2, null, Pushed, 7, status: "untagged");
        Expect("expire I(r1) expire s(r1)", rules.Image("I", 40, ["v1"]).Image("a", 40, listedBy: ["I"]).Image("b", 40, listedBy: ["I"]).Image("s", 40, subject: "I"));
        // On the next pass the index is gone.
        Expect(
            "expire a(r2) expire b(r2)",
            new Scene().Rule(1, ["v*"], Pushed, 30).Rule(2, null, Pushed, 7, status: "untagged").Image("a", 40).Image("b", 40));
    }

    private static Scene Betas() =>
        new Scene().Image("A", 10, ["beta-1", "prod-1"]).Image("B", 9, ["beta-2", "prod-2"]).Image("C", 8, ["beta-3"]);

    private static void Expect(string outcome, Scene scene) => Assert.Equal(outcome, scene.Outcome());
}

using FsCheck;
using FsCheck.Fluent;
using Longshore.Core.Lifecycle;

namespace Longshore.Core.Tests.Lifecycle;

/// <summary>The product's evaluator against the brute-force one, on small repositories where everything meets everything.</summary>
public class EvaluatorPropertyTests
{
    private static readonly string[] Tags = ["v1", "v2", "v1-prod", "x-prod", "dev", "dev-1", "release-1", "a", "aa", "aba"];
    private static readonly string[] Patterns = ["v*", "*-prod", "dev", "dev*", "*", "a*a", "*e*a*", "release-*", "x*"];
    private static readonly string[] Prefixes = ["v", "dev", "release-", "a", "x-"];
    private static readonly string[] Digests = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"];

    // Whole days and the moments just beside them, many of them equal.
    private static readonly double[] Ages = [0, 0.5, 1, 1, 2, 2.000001, 3, 5, 10, 89, 90, 91, 100, 400, -1];

    [Fact]
    public void The_evaluator_and_the_brute_force_one_agree() => Prop.ForAll(
        Arb.From(Scenes()),
        static scene =>
        {
            if (!LifecyclePolicyParser.TryParse(scene.Text, 0, out var policy, out _)) return true;
            var evaluation = LifecycleEvaluator.Evaluate(policy, scene.Images, Scene.Now);
            var expected = BruteForceEvaluator.Evaluate(scene.Text, scene.Images, Scene.Now);
            for (var i = 0; i < scene.Images.Count; i++)
            {
                var decision = evaluation.Decisions[i];
                var found = decision.Action switch
                {
                    LifecycleAction.Expire => $"expire {decision.Rule!.Priority}",
                    LifecycleAction.Transition => $"transition {decision.Rule!.Priority}",
                    _ => null,
                };
                if (found != expected.GetValueOrDefault(scene.Images[i].Digest))
                    throw new InvalidOperationException($"{scene.Images[i].Digest}: {found} but {expected.GetValueOrDefault(scene.Images[i].Digest)} in {scene.Text}");
                if (LifecycleReasonText.Describe(decision, scene.Images[i], Scene.Now).Length == 0) return false;
            }

            return evaluation.Rules.All(r => r.Marked <= r.Selected && r.Decided <= r.Selected && r.Acted <= Math.Min(r.Decided, r.Marked));
        }).Check(20_000);

    private static Gen<Scene> Scenes() =>
        from count in Gen.Choose(0, Digests.Length)
        from images in Image(count).ArrayOf(count)
        from ruleCount in Gen.Choose(1, 5)
        from rules in Rule().ArrayOf(ruleCount)
        select Build(images, rules);

    private static Scene Build((double Age, string[] Tags, double? Pulled, double? Archived, double? Restored, int List, int Subject)[] images, Action<Scene, int>[] rules)
    {
        var scene = new Scene();
        for (var i = 0; i < images.Length; i++)
        {
            var image = images[i];
            // A list or subject comes from a later digest, so that there is no circle; some subjects are missing.
            string[]? listedBy = image.List > i && image.List < images.Length ? [Digests[image.List]] : null;
            var subject = image.Subject > i && listedBy is null ? (image.Subject < images.Length ? Digests[image.Subject] : "missing") : null;
            var pulled = image.Pulled is { } p ? Math.Min(p, image.Age) : (double?)null;
            scene.Image(Digests[i], image.Age, image.Tags, pulled, image.Archived, image.Archived is null ? null : image.Restored, listedBy, subject);
        }

        for (var r = 0; r < rules.Length; r++) rules[r](scene, (r * 7 % 5) + 1);
        return scene;
    }

    private static Gen<(double, string[], double?, double?, double?, int, int)> Image(int count) =>
        from age in Gen.Elements(Ages)
        from tags in Gen.SubListOf(Tags)
        from few in Gen.Choose(0, 2)
        from pulled in Gen.OneOf(Gen.Constant((double?)null), Gen.Elements(Ages).Select(static a => (double?)a))
        from archived in Gen.Frequency((3, Gen.Constant((double?)null)), (1, Gen.Elements(Ages).Select(static a => (double?)a)))
        from restored in Gen.OneOf(Gen.Constant((double?)null), Gen.Elements(Ages).Select(static a => (double?)a))
        from list in Gen.Frequency((4, Gen.Constant(-1)), (1, Gen.Choose(0, count)))
        from subject in Gen.Frequency((4, Gen.Constant(-1)), (1, Gen.Choose(0, count + 1)))
        select (age, tags.Take(few).ToArray(), pulled, archived, restored, list, subject);

    private static Gen<Action<Scene, int>> Rule() =>
        from status in Gen.Elements("tagged", "tagged", "tagged", "untagged", "any")
        from usePrefixes in Gen.Elements(true, false)
        from list in Gen.SubListOf(usePrefixes ? Prefixes : Patterns)
        from kind in Gen.Elements("count", "count", "pushed", "pulled", "transitioned", "archive")
        from number in Gen.Elements(1, 2, 3, 5, 90)
        select new Action<Scene, int>((scene, priority) =>
        {
            string[]? tags = status == "tagged" ? [.. list.Take(2).DefaultIfEmpty(usePrefixes ? "v" : "v*")] : null;
            switch (kind)
            {
                case "count": scene.Rule(priority, tags, "imageCountMoreThan", number, "expire", usePrefixes, status); break;
                case "pushed": scene.Rule(priority, tags, "sinceImagePushed", number, "expire", usePrefixes, status); break;
                case "pulled": scene.Rule(priority, tags, "sinceImagePulled", number, "transition", usePrefixes, status); break;
                case "archive": scene.Rule(priority, tags, "imageCountMoreThan", number, "transition", usePrefixes, status); break;
                default: scene.Rule(priority, tags, "sinceImageTransitioned", 90, "expire", usePrefixes, status, "archive"); break;
            }
        });
}

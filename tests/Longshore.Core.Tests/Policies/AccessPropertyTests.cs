using FsCheck;
using FsCheck.Fluent;
using Longshore.Core.Policies;
using Longshore.Core.Tests.Policies.BruteForce;

namespace Longshore.Core.Tests.Policies;

/// <summary>The product's evaluator against the brute-force one, on scenes of few words where everything meets everything.</summary>
public class AccessPropertyTests
{
    [Fact]
    public void The_evaluator_and_the_brute_force_one_agree() =>
        Prop.ForAll(Scenes(static maker => maker.Access()), static scene => Agree(scene, BruteForceAccess.Decide(scene), Product.Decide(scene))).Check(25_000);

    [Fact]
    public void Trust_is_decided_as_the_brute_force_evaluator_decides_it() =>
        Prop.ForAll(Scenes(static maker => maker.Trust()), static scene => Agree(scene, BruteForceAccess.DecideTrust(scene), Product.DecideTrust(scene))).Check(25_000);

    [Fact]
    public void Random_scenes_are_not_all_of_one_kind()
    {
        // Otherwise agreeing would say little: each verdict must be found often, for every way to get there.
        var access = Enumerable.Range(0, 2000).Select(static seed => BruteForceAccess.Decide(new SceneMaker(seed).Access())).ToLookup(static v => v);
        var trust = Enumerable.Range(0, 2000).Select(static seed => BruteForceAccess.DecideTrust(new SceneMaker(seed).Trust())).ToLookup(static v => v);
        foreach (var verdict in Enum.GetValues<Verdict>())
        {
            Assert.True(access[verdict].Count() > 150, $"{verdict}: {access[verdict].Count()} of 2000");
            Assert.True(trust[verdict].Count() > 150, $"{verdict} of trust: {trust[verdict].Count()} of 2000");
        }
    }

    [Fact]
    public void The_same_question_has_the_same_answer_when_policies_are_asked_again()
    {
        for (var seed = 0; seed < 500; seed++)
        {
            var scene = new SceneMaker(seed).Access();
            var (query, policies) = (Product.Query(scene), Product.Applicable(scene));
            var first = AccessEvaluator.Decide(query, policies);
            AccessEvaluator.Decide(query with { Action = "ecr:PutImage" }, policies);
            AccessEvaluator.Decide(query with { Context = ConditionValues.Empty }, policies);
            Assert.Equal(first, AccessEvaluator.Decide(query, policies));
        }
    }

    [Fact]
    public void A_set_that_was_asked_about_many_actions_answers_as_a_new_one()
    {
        // Sets remember what they found about an action: more actions than they remember, in every order, in other case.
        for (var seed = 0; seed < 20; seed++)
        {
            var scene = new SceneMaker(seed).Access();
            var (query, policies) = (Product.Query(scene), Product.Applicable(scene));
            for (var i = 0; i < 1000; i++)
            {
                var action = (i * 7 % 4) switch { 0 => "ecr:BatchGetImage", 1 => "ECR:batchgetIMAGE", 2 => $"ecr:Put{i * 31 % 300}", _ => "ecr:PutImage" };
                Assert.Equal(Product.Decide(scene with { Action = action }).Kind, AccessEvaluator.Decide(query with { Action = action }, policies).Kind);
            }
        }
    }

    private static Arbitrary<AccessScene> Scenes(Func<SceneMaker, AccessScene> make) =>
        Arb.From(Gen.Choose(0, int.MaxValue - 1).Select(seed => make(new SceneMaker(seed))), SceneShrinker.Smaller);

    private static bool Agree(AccessScene scene, Verdict expected, Decision decision)
    {
        foreach (var text in scene.All())
        {
            var parsed = PolicyDocument.Parse(text.Text, Product.Kind(text.Kind));
            if (!parsed.Succeeded) throw new InvalidOperationException($"Refused: {parsed.Error.Message}\n{text.Text}");
        }

        if (Product.Verdict(decision) != expected)
            throw new InvalidOperationException($"The product says {decision.Kind} ({decision.Basis}), brute force {expected}:\n{scene}");

        // What is named as deciding must be one that applies.
        if (decision.Statement is { } statement)
        {
            var named = $"{decision.Policy!.Source}[{statement.Index}]";
            if (!BruteForceAccess.Applying(scene, statement.Effect.ToString()).Contains(named))
                throw new InvalidOperationException($"{named} does not apply:\n{scene}");
            if (statement.Effect != (decision.IsAllowed ? PolicyEffect.Allow : PolicyEffect.Deny))
                throw new InvalidOperationException($"{named} says {statement.Effect}, the decision is {decision.Kind}:\n{scene}");
        }
        else if (decision.Kind == DecisionKind.ExplicitDeny)
        {
            throw new InvalidOperationException($"No statement denies:\n{scene}");
        }
        else if (decision.IsAllowed && decision.Basis != DecisionBasis.Root)
        {
            throw new InvalidOperationException($"No statement allows:\n{scene}");
        }

        return AccessEvaluator.Explain(Product.Query(scene), decision).Length > 0;
    }
}

using Longshore.Core.Policies;
using Longshore.Core.Tests.Policies.BruteForce;

namespace Longshore.Core.Tests.Policies;

/// <summary>Asks the product about a scene.</summary>
internal static class Product
{
    public static Decision Decide(AccessScene scene) => AccessEvaluator.Decide(Query(scene), Applicable(scene));

    public static Decision DecideTrust(AccessScene scene) => AccessEvaluator.DecideTrust(Query(scene), Applicable(scene), Set(scene.Trust));

    public static AccessQuery Query(AccessScene scene)
    {
        var context = new ConditionValues();
        foreach (var (key, values) in scene.Context) context.Add(key, values);
        return new AccessQuery(Principal(scene.Who), scene.Action, scene.Resource, scene.ResourceAccount, context);
    }

    public static ApplicablePolicies Applicable(AccessScene scene) => new()
    {
        Identity = Set(scene.Identity),
        Boundary = scene.Boundary is null ? null : Set(scene.Boundary),
        Session = scene.Session is null ? null : Set(scene.Session),
        Resource = Set(scene.ResourcePolicies),
    };

    /// <summary>The kind that the corpus and the scenes write in lower case.</summary>
    public static PolicyKind Kind(string kind) => Enum.Parse<PolicyKind>(kind, ignoreCase: true);

    /// <summary>A decision in the words of the brute-force evaluator.</summary>
    public static Verdict Verdict(Decision decision) => Enum.Parse<Verdict>(decision.Kind.ToString());

    private static PolicySet Set(IReadOnlyList<SceneText> policies) => new(policies.Select(static p => AttachedPolicy.Read(Kind(p.Kind), p.Name, p.Text)));

    private static PolicyPrincipal Principal(Who who) => new(
        who.Kind switch
        {
            "anonymous" => PolicyPrincipalKind.Anonymous,
            "root" => PolicyPrincipalKind.Root,
            "user" => PolicyPrincipalKind.User,
            "session" => PolicyPrincipalKind.RoleSession,
            "web" => PolicyPrincipalKind.WebIdentity,
            "service" => PolicyPrincipalKind.Service,
            _ => throw new ArgumentOutOfRangeException(nameof(who), who.Kind, null),
        },
        who.Account,
        who.Arn)
    {
        RoleArn = who.RoleArn,
        Provider = who.Provider,
    };
}

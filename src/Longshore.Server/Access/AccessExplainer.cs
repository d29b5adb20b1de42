using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Longshore.Core;
using Longshore.Core.Policies;

namespace Longshore.Server.Access;

/// <summary>Why somebody may or may not do something, and what would allow it.</summary>
/// <param name="Decision">The decision.</param>
/// <param name="Query">What it was about.</param>
/// <param name="Sentence">In AWS's words.</param>
/// <param name="StatementText">The statement that decided, as JSON; null when none did.</param>
/// <param name="MissingKeys">Condition keys that policies asked for and nobody gave.</param>
/// <param name="Fixes">The smallest statements that would allow it, each with where it belongs; empty when it is allowed, or when only taking a denial away helps.</param>
/// <param name="Advice">What else to do; null for nothing.</param>
internal sealed record AccessExplanation(
    Decision Decision, AccessQuery Query, string Sentence, string? StatementText, IReadOnlyList<string> MissingKeys, IReadOnlyList<AccessFix> Fixes, string? Advice);

/// <summary>A statement that is missing.</summary>
/// <param name="Where">The policy that it belongs into.</param>
/// <param name="Statement">The statement, as JSON.</param>
internal sealed record AccessFix(string Where, string Statement);

/// <summary>Explains decisions of the gate about anybody, by asking the same evaluator about the same policies.</summary>
internal sealed class AccessExplainer(AccessGate gate)
{
    private const string GetAuthorizationToken = "ecr:GetAuthorizationToken";
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The explanation.</summary>
    /// <param name="principal">Who would do it.</param>
    /// <param name="action">What.</param>
    /// <param name="registry">Where.</param>
    /// <param name="repository">To which repository; null for the registry.</param>
    /// <param name="conditions">Condition keys of the request that is asked about.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    public async ValueTask<AccessExplanation> ExplainAsync(
        Principal principal, string action, RegistryId registry, RepositoryName? repository, ConditionValues conditions, CancellationToken cancellationToken)
    {
        var request = new AccessRequest(new DefaultHttpContext(), new Caller(principal, registry), action, registry, repository) { Conditions = conditions, Hypothetical = true };
        var (query, decision, policies) = await gate.DecideAsync(request, null, cancellationToken);
        var heard = new HeardKeys(query.Context);
        // Asked again for the keys alone.
        _ = AccessEvaluator.Decide(query with { Context = heard }, policies);
        var fixes = decision.Kind == DecisionKind.ImplicitDeny ? Fix(query, policies, repository) : [];
        var advice = decision switch
        {
            { Kind: DecisionKind.ExplicitDeny, Statement: { } statement } =>
                $"A denial cannot be outvoted: take {statement.Label} out of {decision.Policy!.Source}, or narrow it by a condition.",
            { Kind: DecisionKind.ExplicitDeny } => $"{decision.Policy!.Source} cannot be read, and denies everything until it is put anew.",
            { Kind: DecisionKind.ImplicitDeny } when fixes.Count == 0 => "No single statement would allow it.",
            { Kind: DecisionKind.ImplicitDeny } when heard.Missing.Count > 0 => "Policies ask for condition keys that were not given; give them with --context to ask about a request that has them.",
            _ => null,
        };
        return new AccessExplanation(decision, query, AccessEvaluator.Explain(query, decision), TextOf(decision), heard.Missing, fixes, advice);
    }

    /// <summary>Adds what is missing, one statement at a time, until the evaluator allows it.</summary>
    private static List<AccessFix> Fix(in AccessQuery query, ApplicablePolicies policies, RepositoryName? repository)
    {
        var fixes = new List<AccessFix>();
        var name = query.Principal.RoleArn ?? query.Principal.Arn;
        var resource = query.Action == GetAuthorizationToken ? "*" : query.Resource;
        while (fixes.Count < 4)
        {
            var decision = AccessEvaluator.Decide(query, policies);
            if (decision.IsAllowed) return fixes;
            if (decision.Kind == DecisionKind.ExplicitDeny) return [];
            switch (decision.Basis)
            {
                case DecisionBasis.Identity:
                    fixes.Add(new AccessFix($"an identity policy of {name}", Statement(query.Action, resource, null)));
                    policies = policies with { Identity = Add(policies.Identity, PolicyKind.Identity, fixes[^1]) };
                    break;
                case DecisionBasis.Boundary:
                    fixes.Add(new AccessFix($"the permissions boundary of {name}", Statement(query.Action, resource, null)));
                    policies = policies with { Boundary = Add(policies.Boundary!, PolicyKind.Boundary, fixes[^1]) };
                    break;
                case DecisionBasis.Session:
                    fixes.Add(new AccessFix("the policy that the session is assumed with", Statement(query.Action, resource, null)));
                    policies = policies with { Session = Add(policies.Session!, PolicyKind.Session, fixes[^1]) };
                    break;
                case DecisionBasis.Resource when repository is { } named:
                    fixes.Add(new AccessFix($"the policy of repository {named}", Statement(query.Action, null, name)));
                    policies = policies with { Resource = Add(policies.Resource, PolicyKind.Repository, fixes[^1]) };
                    break;
                case DecisionBasis.Resource when query.Action != GetAuthorizationToken:
                    fixes.Add(new AccessFix($"the policy of the registry of account {query.ResourceAccount}", Statement(query.Action, resource, name)));
                    policies = policies with { Resource = Add(policies.Resource, PolicyKind.Registry, fixes[^1]) };
                    break;
                default:
                    return [];
            }
        }

        return [];
    }

    private static PolicySet Add(PolicySet set, PolicyKind kind, AccessFix fix) =>
        new(set.Policies.Append(AttachedPolicy.Read(kind, fix.Where, $$"""{"Version":"{{PolicyDocument.CurrentVersion}}","Statement":{{fix.Statement}}}""")));

    private static string Statement(string action, string? resource, string? principal)
    {
        var statement = new JsonObject { ["Effect"] = "Allow" };
        if (principal is not null) statement["Principal"] = new JsonObject { ["AWS"] = principal };
        statement["Action"] = action;
        if (resource is not null) statement["Resource"] = resource;
        return statement.ToJsonString(Readable);
    }

    private static string? TextOf(Decision decision)
    {
        if (decision is not { Policy.Document: { } document, Statement: { } statement }) return null;
        using var json = JsonDocument.Parse(Encoding.UTF8.GetBytes(document.Text));
        var body = json.RootElement.GetProperty("Statement");
        return (body.ValueKind == JsonValueKind.Array ? body[statement.Index] : body).GetRawText();
    }

    private sealed class HeardKeys(IConditionContext inner) : IConditionContext
    {
        public List<string> Missing { get; } = [];

        public IReadOnlyList<string>? Find(string key)
        {
            var found = inner.Find(key);
            if (found is null && !Missing.Contains(key, StringComparer.OrdinalIgnoreCase)) Missing.Add(key);
            return found;
        }
    }
}

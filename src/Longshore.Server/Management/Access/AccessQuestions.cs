using Longshore.Core;
using Longshore.Core.Policies;
using Longshore.Server.Access;
using Longshore.Server.Aws;
using Longshore.Server.Hosting;

namespace Longshore.Server.Management.Access;

/// <summary>Answers questions about access.</summary>
internal sealed class AccessQuestions(AccessExplainer explainer, AccessReview review, PrincipalLookup principals, ServeOptions options)
{
    /// <summary>ExplainAccess.</summary>
    public async ValueTask<Outcome<AccessExplanationWire>> ExplainAsync(ManagementCall call, CancellationToken cancellationToken)
    {
        if (!(await principals.FindAsync(call.Given("principal"), call.Caller.Principal.Account, cancellationToken)).TryGet(out var principal, out var error)) return error;
        // The answer shows the principal's own policies: they are for its account, and for who runs the server.
        var caller = call.Caller.Principal;
        if (principal.Account != caller.Account && !(caller.Kind == PrincipalKind.Root && caller.Account == options.Account))
            return new RegistryError(ErrorCode.Denied, $"{principal.Arn} is of an account whose policies are not yours to see.");
        if (!ReadContext(call.Text("context")).TryGet(out var conditions, out error)) return error;
        var explained = await explainer.ExplainAsync(principal, call.Given("action"), call.Registry, call.Repository, conditions, cancellationToken);
        var decision = explained.Decision;
        return new AccessExplanationWire(
            explained.Query.Principal.Arn,
            explained.Query.Action,
            explained.Query.Resource,
            decision.Kind switch { DecisionKind.Allowed => "allowed", DecisionKind.ExplicitDeny => "explicitDeny", _ => "implicitDeny" },
            explained.Sentence,
            decision.Basis.ToString().ToLowerInvariant(),
            decision.Policy?.Source,
            decision.Statement?.Label,
            explained.StatementText,
            explained.MissingKeys,
            [.. explained.Fixes.Select(static fix => new AccessFixWire(fix.Where, fix.Statement))],
            explained.Advice);
    }

    /// <summary>CheckAccess.</summary>
    public async ValueTask<Outcome<AccessFindingsWire>> CheckAsync(ManagementCall call, CancellationToken cancellationToken)
    {
        var days = call.Integer("unusedDays") ?? AccessOperations.DefaultUnusedDays;
        var tokens = PageToken.For("CheckAccess", call.Registry, $"{days}");
        if (!tokens.Read(call.Text("nextToken")).TryGet(out var after, out var error)) return error;
        return (await review.CheckAsync(call.Registry, TimeSpan.FromDays(days), after, cancellationToken)).TryGet(out var page, out error)
            ? new AccessFindingsWire(
                [.. page.Findings.Select(static f => new AccessFindingWire(f.Code, f.Severity.ToString().ToLowerInvariant(), f.Where, f.Message, f.Fix))],
                tokens.Write(page.Next))
            : error;
    }

    private static Outcome<ConditionValues> ReadContext(string? text)
    {
        var values = new ConditionValues();
        foreach (var pair in (text ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0) return new RegistryError(ErrorCode.InvalidParameter, $"Invalid parameter at 'context' failed to satisfy constraint: '{pair} must be KEY=VALUE'");
            var (key, value) = (pair[..equals], pair[(equals + 1)..]);
            values.Add(key, [.. values.Find(key) ?? [], value]);
        }

        return values;
    }
}

using System.Globalization;
using Longshore.Core.Policies;
using Longshore.Server.Access;

namespace Longshore.Server.Sts;

/// <summary>Whether somebody may assume a role: what is asked, but for who asks.</summary>
/// <param name="Http">The request.</param>
/// <param name="Name">The role as the caller named it.</param>
/// <param name="Role">The role; null when there is none of that name.</param>
/// <param name="Conditions">Condition keys of this question alone.</param>
internal sealed record TrustQuestion(HttpContext Http, RoleName Name, Role? Role, ConditionValues Conditions)
{
    /// <summary>The session's tags.</summary>
    public SessionTags Tags { get; init; } = SessionTags.None;
}

/// <summary>Puts trust policies, and the policies of who asks, before the evaluator.</summary>
internal sealed class RoleTrust(PrincipalPolicies principals, TimeProvider time)
{
    /// <summary>Asked beside the session itself when it gets tags.</summary>
    public const string TagSession = "sts:TagSession";

    /// <summary>Asked beside the session itself when it gets a source identity.</summary>
    public const string SetSourceIdentity = "sts:SetSourceIdentity";

    private const string RoleTag = "iam:ResourceTag/";

    /// <summary>Null when a caller may; else AWS's sentence, the same whether there is such a role or not.</summary>
    public async ValueTask<StsError?> RefusalAsync(TrustQuestion question, Caller caller, string action, CancellationToken cancellationToken)
    {
        var own = await principals.GetAsync(caller.Principal, cancellationToken);
        if (question.Role is { } role)
        {
            var request = new AccessRequest(question.Http, caller, action, new(role.Account, caller.Registry.Region), null)
            {
                Resource = role.Arn,
                RequestTags = question.Tags.All,
                Conditions = WithRole(question.Conditions, role),
            };
            var context = new RequestContext(request, own, new ResourceEntry(role.Arn, null, null, role.Tags), time.GetUtcNow());
            var policies = new ApplicablePolicies { Identity = own.Identity, Boundary = own.Boundary, Session = caller.Principal.Session?.PolicySet };
            if (Decide(caller.Principal.ForPolicies, action, role, context, policies)) return null;
        }

        return StsError.Denied($"User: {caller.Principal.Arn} is not authorized to perform: {action} on resource: {question.Name.Arn}");
    }

    /// <summary>Whether the holder of a provider's token may.</summary>
    /// <param name="question">The question.</param>
    /// <param name="providerArn">The provider.</param>
    /// <param name="region">The region asked.</param>
    /// <param name="action">The action.</param>
    public bool Allows(TrustQuestion question, string providerArn, string region, string action)
    {
        if (question.Role is not { } role) return false;
        var now = time.GetUtcNow();
        var http = question.Http;
        var context = WithRole(question.Conditions, role)
            .Add("aws:FederatedProvider", providerArn)
            .Add("aws:SourceIp", ClientAddress.Of(http).ToString())
            .Add("aws:SecureTransport", ClientAddress.IsSecure(http) ? "true" : "false")
            .Add("aws:CurrentTime", now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture))
            .Add("aws:EpochTime", now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture))
            .Add("aws:RequestedRegion", region)
            .Add("aws:ResourceAccount", role.Account)
            .AddWhenGiven("aws:UserAgent", http.Request.Headers.UserAgent is { Count: 1 } agent ? agent.ToString() : null)
            .AddWhenGiven("aws:referer", http.Request.Headers.Referer is { Count: 1 } referer ? referer.ToString() : null);
        foreach (var (key, value) in role.Tags) context.Add("aws:ResourceTag/" + key, value);
        foreach (var (key, value) in question.Tags.All) context.Add("aws:RequestTag/" + key, value);
        if (question.Tags.All.Count > 0) context.Add("aws:TagKeys", [.. question.Tags.All.Keys]);
        var caller = new PolicyPrincipal(PolicyPrincipalKind.WebIdentity, "", providerArn) { Provider = providerArn };
        return Decide(caller, action, role, context, new ApplicablePolicies());
    }

    private static ConditionValues WithRole(ConditionValues conditions, Role role)
    {
        foreach (var (key, value) in role.Tags) conditions.Add(RoleTag + key, value);
        return conditions;
    }

    private static bool Decide(PolicyPrincipal caller, string action, Role role, IConditionContext context, ApplicablePolicies policies)
    {
        var trust = new PolicySet([AttachedPolicy.Read(PolicyKind.Trust, $"the trust policy of {role.Arn}", role.TrustPolicy)]);
        return AccessEvaluator.DecideTrust(new AccessQuery(caller, action, role.Arn, role.Account, context), policies, trust).IsAllowed;
    }
}

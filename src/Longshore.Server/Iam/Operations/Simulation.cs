using System.Globalization;
using Longshore.Core;
using Longshore.Core.Aws.Iam;
using Longshore.Core.Policies;
using Longshore.Server.Access;
using Longshore.Server.Iam.Store;
using AttachedPolicy = Longshore.Core.Policies.AttachedPolicy;

namespace Longshore.Server.Iam.Operations;

/// <summary>What policies would decide, without doing anything: the same evaluator as the gate's.</summary>
internal static class Simulation
{
    /// <summary>The operations.</summary>
    public static IReadOnlyList<IamOperation> All { get; } =
    [
        IamOperation.Reads(IamOperations.SimulatePrincipalPolicy, Resources.Arn<SimulatePrincipalPolicyRequest>(i => i.PolicySourceArn), SimulatePrincipalAsync),
        IamOperation.Reads(IamOperations.SimulateCustomPolicy, Resources.Any, SimulateCustomAsync),
        IamOperation.Reads(
            IamOperations.GetContextKeysForPrincipalPolicy, Resources.Arn<GetContextKeysForPrincipalPolicyRequest>(i => i.PolicySourceArn), KeysOfPrincipalAsync),
        IamOperation.Reads(IamOperations.GetContextKeysForCustomPolicy, Resources.Any, KeysOfCustomAsync),
    ];

    private static async ValueTask<IamOutcome<SimulatePolicyResponse>> SimulatePrincipalAsync(IamContext iam, SimulatePrincipalPolicyRequest input)
    {
        if (!(await SourceAsync(iam, input.PolicySourceArn!)).TryGet(out var source, out var error)) return error;
        var own = await PrincipalPolicies.LoadAsync(iam.Db, source.Id);
        return Simulate(iam, own, source, input);
    }

    private static ValueTask<IamOutcome<SimulatePolicyResponse>> SimulateCustomAsync(IamContext iam, SimulateCustomPolicyRequest input) => new(Simulate(
        iam,
        OwnPolicies.None,
        null,
        new SimulatePrincipalPolicyRequest
        {
            PolicySourceArn = "",
            PolicyInputList = input.PolicyInputList,
            PermissionsBoundaryPolicyInputList = input.PermissionsBoundaryPolicyInputList,
            ActionNames = input.ActionNames,
            ResourceArns = input.ResourceArns,
            ResourcePolicy = input.ResourcePolicy,
            ResourceOwner = input.ResourceOwner,
            CallerArn = input.CallerArn,
            ContextEntries = input.ContextEntries,
            MaxItems = input.MaxItems,
            Marker = input.Marker,
        }));

    private static async ValueTask<IamOutcome<GetContextKeysForPolicyResponse>> KeysOfPrincipalAsync(IamContext iam, GetContextKeysForPrincipalPolicyRequest input)
    {
        if (!(await SourceAsync(iam, input.PolicySourceArn!)).TryGet(out var source, out var error)) return error;
        if (!Read(input.PolicyInputList, PolicyKind.Identity, "PolicyInputList").TryGet(out var given, out error)) return error;
        var own = await PrincipalPolicies.LoadAsync(iam.Db, source.Id);
        return new GetContextKeysForPolicyResponse { ContextKeyNames = [.. Keys([.. own.Identity.Policies, .. own.Boundary?.Policies ?? [], .. given])] };
    }

    private static ValueTask<IamOutcome<GetContextKeysForPolicyResponse>> KeysOfCustomAsync(IamContext iam, GetContextKeysForCustomPolicyRequest input) => new(
        Read(input.PolicyInputList, PolicyKind.Identity, "PolicyInputList").TryGet(out var given, out var error)
            ? (IamOutcome<GetContextKeysForPolicyResponse>)new GetContextKeysForPolicyResponse { ContextKeyNames = [.. Keys(given)] }
            : error);

    private static async ValueTask<IamOutcome<Entity>> SourceAsync(IamContext iam, string arn)
    {
        if (IamArns.ReadEntity(iam.Account, arn) is not { } named) return IamError.Invalid($"Invalid Entity Arn: {arn} does not clearly define entity type and name.");
        if (!(await EntityRows.GetAsync(iam, named.Kind, named.Name)).TryGet(out var entity, out var error)) return error;
        return entity.Arn == arn ? entity : IamError.NoSuch(named.Kind, named.Name);
    }

    private static IamOutcome<SimulatePolicyResponse> Simulate(IamContext iam, OwnPolicies own, Entity? source, SimulatePrincipalPolicyRequest input)
    {
        if (!Read(input.PolicyInputList, PolicyKind.Identity, "PolicyInputList").TryGet(out var given, out var error)) return error;
        if (!Read(input.PermissionsBoundaryPolicyInputList, PolicyKind.Boundary, "PermissionsBoundaryPolicyInputList").TryGet(out var boundary, out error)) return error;
        if (boundary.Count > 1) return IamError.Invalid("PermissionsBoundaryPolicyInputList may hold one policy.");
        if (!Read(input.ResourcePolicy is { } text ? [text] : null, PolicyKind.Repository, "ResourcePolicy").TryGet(out var resource, out error)) return error;
        if (!Caller(iam, source, input).TryGet(out var caller, out error)) return error;
        if (input.ActionNames!.FirstOrDefault(static name => name.IndexOf(':', StringComparison.Ordinal) <= 0) is { } wrong)
            return IamError.Invalid($"Invalid input: the action {wrong} has no service in front, such as ecr:PutImage.");
        if (!iam.Page(
            "Simulate", input.Marker, input.MaxItems, input.PolicySourceArn, string.Join(',', input.ActionNames!), string.Join(',', input.ResourceArns ?? [])).TryGet(out var page, out error)) return error;

        var policies = new ApplicablePolicies
        {
            Identity = new PolicySet([.. own.Identity.Policies, .. given]),
            Boundary = boundary.Count > 0 ? new PolicySet(boundary) : own.Boundary,
            Resource = new PolicySet(resource),
        };
        var context = Context(iam, own, source, caller, input.ContextEntries);
        var missing = Keys([.. policies.Identity.Policies, .. policies.Boundary?.Policies ?? [], .. resource]).Where(key => context.Find(key) is null).ToList();
        IReadOnlyList<string> resources = input.ResourceArns is { Count: > 0 } arns ? arns : ["*"];
        var first = page.After.Length == 0 ? 0 : int.Parse(page.After, NumberStyles.None, CultureInfo.InvariantCulture);
        var count = input.ActionNames!.Count * resources.Count;
        var results = new List<EvaluationResult>();
        for (var i = first; i < count && results.Count < page.Limit; i++)
        {
            var (action, arn) = (input.ActionNames[i / resources.Count], resources[i % resources.Count]);
            var query = new AccessQuery(caller, action, arn, OwnerOf(arn, input.ResourceOwner) ?? caller.Account, context);
            results.Add(Result(query, policies, missing, input.ResourceArns is { Count: > 0 } && arn != "*"));
        }

        var next = first + results.Count < count ? page.Tokens.Write((first + results.Count).ToString(CultureInfo.InvariantCulture)) : null;
        return new SimulatePolicyResponse { EvaluationResults = results, IsTruncated = next is not null, Marker = next };
    }

    private static EvaluationResult Result(in AccessQuery query, ApplicablePolicies policies, List<string> missing, bool specific)
    {
        var decision = AccessEvaluator.Decide(query, policies);
        var word = decision.Kind switch
        {
            DecisionKind.Allowed => PolicyEvaluationDecisionTypeValues.Allowed,
            DecisionKind.ExplicitDeny => PolicyEvaluationDecisionTypeValues.ExplicitDeny,
            _ => PolicyEvaluationDecisionTypeValues.ImplicitDeny,
        };
        List<Statement> matched = decision is { Policy: { } policy, Statement: { } statement } ? [ToWire(policy, statement)] : [];
        var limit = policies.Boundary is null ? null : new PermissionsBoundaryDecisionDetail
        {
            AllowedByPermissionsBoundary = AccessEvaluator.Decide(query with { ResourceAccount = query.Principal.Account }, new ApplicablePolicies { Identity = policies.Boundary }).IsAllowed,
        };
        return new EvaluationResult
        {
            EvalActionName = query.Action,
            EvalResourceName = query.Resource,
            EvalDecision = word,
            MatchedStatements = matched,
            MissingContextValues = missing,
            PermissionsBoundaryDecisionDetail = limit,
            ResourceSpecificResults = !specific ? null :
            [
                new ResourceSpecificResult
                {
                    EvalResourceName = query.Resource,
                    EvalResourceDecision = word,
                    MatchedStatements = matched,
                    MissingContextValues = missing,
                    PermissionsBoundaryDecisionDetail = limit,
                },
            ],
        };
    }

    private static Statement ToWire(AttachedPolicy policy, PolicyStatement statement) => new()
    {
        SourcePolicyId = policy.Source,
        SourcePolicyType = policy switch
        {
            { Kind: PolicyKind.Repository } => PolicySourceTypeValues.Resource,
            _ when AwsManagedPolicies.Find(policy.Source) is not null => PolicySourceTypeValues.AwsManaged,
            _ when policy.Source.StartsWith("arn:", StringComparison.Ordinal) => PolicySourceTypeValues.UserManaged,
            _ when policy.Source.Contains("(inline policy of user ", StringComparison.Ordinal) => PolicySourceTypeValues.User,
            _ when policy.Source.Contains("(inline policy of group ", StringComparison.Ordinal) => PolicySourceTypeValues.Group,
            _ when policy.Source.Contains("(inline policy of role ", StringComparison.Ordinal) => PolicySourceTypeValues.Role,
            _ => PolicySourceTypeValues.None,
        },
        StartPosition = new Position { Line = statement.Start.Line, Column = statement.Start.Column },
        EndPosition = new Position { Line = statement.End.Line, Column = statement.End.Column },
    };

    /// <summary>Policies that were given as texts; InvalidInput with every fault of the first one that cannot be read.</summary>
    private static IamOutcome<List<AttachedPolicy>> Read(IReadOnlyList<string>? texts, PolicyKind kind, string parameter)
    {
        var policies = new List<AttachedPolicy>();
        foreach (var text in texts ?? [])
        {
            var source = $"{parameter}.{policies.Count + 1}";
            if (!PolicyDocument.Parse(text, kind).TryGet(out var document, out var error)) return IamError.Invalid($"Invalid input: {source}: {error.Message}");
            policies.Add(new AttachedPolicy(kind, source, document));
        }

        return policies;
    }

    // As if a session of the role, or the user, or a member of the group asked.
    private static IamOutcome<PolicyPrincipal> Caller(IamContext iam, Entity? source, SimulatePrincipalPolicyRequest input)
    {
        if (input.CallerArn is { } arn)
        {
            var parts = arn.Split(':', 6);
            return parts is ["arn", "aws", "iam", "", var account, var user] && RegistryId.IsAccount(account) && user.StartsWith("user/", StringComparison.Ordinal)
                ? new PolicyPrincipal(PolicyPrincipalKind.User, account, arn)
                : IamError.Invalid("CallerArn must be the ARN of a user.");
        }

        if (input.ResourcePolicy is not null && source is not { Kind: IamKind.User })
            return IamError.Invalid("CallerArn is required with a ResourcePolicy when the policies are not those of a user.");
        return source switch
        {
            null => new PolicyPrincipal(PolicyPrincipalKind.User, iam.Account, IamArns.Of(IamKind.User, iam.Account, "/", "simulated")),
            { Kind: IamKind.Role } => new PolicyPrincipal(PolicyPrincipalKind.RoleSession, iam.Account, $"arn:aws:sts::{iam.Account}:assumed-role/{source.Name}/simulated") { RoleArn = source.Arn },
            _ => new PolicyPrincipal(PolicyPrincipalKind.User, iam.Account, source.Arn),
        };
    }

    // What is known of the source is there, unless the caller gives it otherwise.
    private static ConditionValues Context(IamContext iam, OwnPolicies own, Entity? source, PolicyPrincipal caller, IReadOnlyList<ContextEntry>? entries)
    {
        var context = new ConditionValues()
            .Add("aws:CurrentTime", iam.Now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture))
            .Add("aws:EpochTime", iam.Now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        if (source is not null)
        {
            context.Add("aws:PrincipalArn", caller.RoleArn ?? caller.Arn).Add("aws:PrincipalAccount", caller.Account);
            if (source.Kind == IamKind.User) context.Add("aws:username", source.Name).Add("aws:userid", source.UniqueId);
            foreach (var (key, value) in own.Tags) context.Add("aws:PrincipalTag/" + key, value);
        }

        foreach (var entry in entries ?? [])
            if (entry.ContextKeyName is { } name) context.Add(name, [.. entry.ContextKeyValues ?? []]);
        return context;
    }

    // The account in an ARN that has one, else who is said to own it.
    private static string? OwnerOf(string arn, string? owner)
    {
        var parts = arn.Split(':', 6);
        if (parts.Length == 6 && RegistryId.IsAccount(parts[4])) return parts[4];
        if (owner is null) return null;
        return owner.Split(':', 6) is { Length: 6 } named ? named[4] : owner;
    }

    private static IEnumerable<string> Keys(IReadOnlyList<AttachedPolicy> policies) => policies
        .SelectMany(static policy => policy.Document?.Statements ?? [])
        .SelectMany(static statement => statement.ConditionKeys)
        .Distinct(StringComparer.OrdinalIgnoreCase)
        .Order(StringComparer.Ordinal);
}

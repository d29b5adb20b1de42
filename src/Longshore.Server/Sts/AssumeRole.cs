using System.Globalization;
using System.Text.Json;
using Longshore.Core.Aws.Sts;
using Longshore.Core.Policies;
using Longshore.Server.Access;

namespace Longshore.Server.Sts;

/// <summary>
/// AssumeRole: (1) what is wrong with the request alone, (2) the role's trust policy and the caller's own policies, for the session, its tags and
/// its source identity, (3) session policies and the role's limits, (4) the session. A role that is not there gives the same answer as one that does not trust the caller.
/// </summary>
internal sealed class AssumeRole(Roles roles, RoleTrust trust, SessionPolicies policies, RoleSessions sessions)
    : StsHandler<AssumeRoleRequest, AssumeRoleResponse>(StsOperations.AssumeRole)
{
    private const string Action = "sts:AssumeRole";

    protected override void Describe(AssumeRoleRequest input, Utf8JsonWriter writer)
    {
        writer.Text("roleArn", input.RoleArn);
        writer.Text("roleSessionName", input.RoleSessionName);
        writer.Number("durationSeconds", input.DurationSeconds);
        writer.Text("externalId", input.ExternalId);
        writer.Text("sourceIdentity", input.SourceIdentity);
        writer.Text("policy", input.Policy?.Length <= SessionPolicies.MaxLength ? input.Policy : null);
        writer.PolicyArns(input.PolicyArns);
        writer.Tags(input.Tags);
        writer.Texts("transitiveTagKeys", input.TransitiveTagKeys);
    }

    protected override void Describe(AssumeRoleResponse output, Utf8JsonWriter writer)
    {
        writer.Credentials(output.Credentials);
        writer.AssumedRole(output.AssumedRoleUser);
        writer.Number("packedPolicySize", output.PackedPolicySize);
        writer.Text("sourceIdentity", output.SourceIdentity);
    }

    protected override async ValueTask<StsOutcome<AssumeRoleResponse>> HandleAsync(AssumeRoleRequest input, StsCall call, CancellationToken cancellationToken)
    {
        // 1
        var caller = call.Caller;
        var parent = caller.AccessKey!.Ticket;
        if (RoleName.Parse(input.RoleArn!) is not { } name) return StsError.Validation($"{input.RoleArn} is invalid");
        call.Record.Resource = name.Arn;
        if (caller.Principal.Kind == PrincipalKind.Root) return StsError.Denied("Roles may not be assumed by root accounts.");
        if (input.SerialNumber is not null || input.TokenCode is not null) return RoleSessions.NoMultiFactor;
        if (input.ProvidedContexts is { Count: > 0 }) return StsError.Validation("ProvidedContexts are not supported by this server.");
        if (!SessionTags.Combine(input.Tags, input.TransitiveTagKeys, parent).TryGet(out var tags, out var error)) return error;
        // What was said once of who is behind a chain stays.
        var identity = parent?.SourceIdentity ?? input.SourceIdentity;

        // 2
        var role = await roles.FindAsync(name, cancellationToken);
        var question = new TrustQuestion(call.Http, name, role, new ConditionValues()) { Tags = tags };
        question.Conditions
            .AddWhenGiven("sts:RoleSessionName", input.RoleSessionName)
            .AddWhenGiven("sts:ExternalId", input.ExternalId)
            .AddWhenGiven("sts:SourceIdentity", identity)
            .AddWhenGiven("sts:TransitiveTagKeys", tags.TransitiveKeys)
            .Add("sts:DurationSeconds", (input.DurationSeconds ?? RoleSessions.DefaultSeconds).ToString(CultureInfo.InvariantCulture));
        if (await trust.RefusalAsync(question, caller, Action, cancellationToken) is { } refused) return refused;
        if (tags.All.Count > 0 && await trust.RefusalAsync(question, caller, RoleTrust.TagSession, cancellationToken) is { } untagged) return untagged;
        if (identity is not null && await trust.RefusalAsync(question, caller, RoleTrust.SetSourceIdentity, cancellationToken) is { } unnamed) return unnamed;
        if (identity != (input.SourceIdentity ?? identity)) return StsError.Denied("The source identity of the calling session cannot be changed.");

        // 3, 4. Only now: whether a managed policy is there is nobody else's business.
        if (!(await policies.ReadAsync(name.Account, input.Policy, input.PolicyArns, cancellationToken)).TryGet(out var texts, out error)) return error;
        var draft = SessionDraft.From(caller.AccessKey, caller.Principal.Kind == PrincipalKind.RoleSession) with { Policies = texts, Tags = tags, SourceIdentity = identity };
        if (!sessions.Issue(role!, input.RoleSessionName!, input.DurationSeconds, draft).TryGet(out var session, out error)) return error;
        return new AssumeRoleResponse
        {
            Credentials = RoleSessions.Wire(session),
            AssumedRoleUser = RoleSessions.Wire(role!, input.RoleSessionName!),
            PackedPolicySize = RoleSessions.PackedSizeOrNull(session.Ticket),
            SourceIdentity = identity,
        };
    }
}

/// <summary>For chaining.</summary>
internal static class TrustConditions
{
    /// <summary>Sets a key, unless there is no value.</summary>
    public static ConditionValues AddWhenGiven(this ConditionValues values, string key, string? value) => value is null ? values : values.Add(key, value);

    /// <summary>Sets a key of several values, unless there are none.</summary>
    public static ConditionValues AddWhenGiven(this ConditionValues values, string key, IReadOnlyList<string> of) => of.Count == 0 ? values : values.Add(key, of);
}

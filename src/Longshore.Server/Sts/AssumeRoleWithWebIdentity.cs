using System.Globalization;
using System.Text.Json;
using Longshore.Core;
using Longshore.Core.Aws.Sts;
using Longshore.Server.Hosting;
using Longshore.Server.Sts.Oidc;

namespace Longshore.Server.Sts;

/// <summary>
/// AssumeRoleWithWebIdentity, unsigned: (1) what is wrong with the request alone, (2) the token, (3) the role's trust policy, for the session, its tags
/// and its source identity, (4) session policies and the role's limits, (5) the session.
/// </summary>
internal sealed class AssumeRoleWithWebIdentity(
    Roles roles, WebIdentityVerifier verifier, RoleTrust trust, SessionPolicies policies, RoleSessions sessions, ServeOptions options)
    : StsHandler<AssumeRoleWithWebIdentityRequest, AssumeRoleWithWebIdentityResponse>(StsOperations.AssumeRoleWithWebIdentity)
{
    private const string Action = "sts:AssumeRoleWithWebIdentity";

    protected override void Describe(AssumeRoleWithWebIdentityRequest input, Utf8JsonWriter writer)
    {
        writer.Text("roleArn", input.RoleArn);
        writer.Text("roleSessionName", input.RoleSessionName);
        writer.Number("durationSeconds", input.DurationSeconds);
        writer.Text("policy", input.Policy);
        writer.PolicyArns(input.PolicyArns);
    }

    protected override void Describe(AssumeRoleWithWebIdentityResponse output, Utf8JsonWriter writer)
    {
        writer.Text("subjectFromWebIdentityToken", output.SubjectFromWebIdentityToken);
        writer.Text("provider", output.Provider);
        writer.Text("audience", output.Audience);
        writer.Credentials(output.Credentials);
        writer.AssumedRole(output.AssumedRoleUser);
        writer.Number("packedPolicySize", output.PackedPolicySize);
        writer.Text("sourceIdentity", output.SourceIdentity);
    }

    protected override async ValueTask<StsOutcome<AssumeRoleWithWebIdentityResponse>> HandleAsync(
        AssumeRoleWithWebIdentityRequest input, StsCall call, CancellationToken cancellationToken)
    {
        // 1
        if (RoleName.Parse(input.RoleArn!) is not { } name) return StsError.Validation("Request ARN is invalid");
        call.Record.Resource = name.Arn;
        call.Record.Registry = new RegistryId(name.Account, options.Region);
        if (input.ProviderId is not null) return StsError.Validation("ProviderId is for OAuth 2.0 access tokens, which this server does not take: leave it out with an OpenID Connect token.");

        // 2
        if (!(await verifier.VerifyAsync(name.Account, input.WebIdentityToken!, cancellationToken)).TryGet(out var identity, out var error)) return error;
        // Who it was is told of those too whom the role does not trust.
        call.Record.RequestParameters = Json(writer =>
        {
            Describe(input, writer);
            writer.Text("subjectFromWebIdentityToken", identity.Subject);
            writer.Text("provider", identity.Provider.Issuer);
        });
        if (!identity.ReadTags().TryGet(out var tags, out error)) return error;
        if (identity.SourceIdentity is { } source && !SessionTags.IsSourceIdentity(source)) return StsError.InvalidToken("The token's source identity is malformed.");

        // 3
        var role = await roles.FindAsync(name, cancellationToken);
        var question = new TrustQuestion(call.Http, name, role, identity.Conditions) { Tags = tags };
        question.Conditions
            .AddWhenGiven("sts:RoleSessionName", input.RoleSessionName)
            .AddWhenGiven("sts:SourceIdentity", identity.SourceIdentity)
            .AddWhenGiven("sts:TransitiveTagKeys", tags.TransitiveKeys)
            .Add("sts:DurationSeconds", (input.DurationSeconds ?? RoleSessions.DefaultSeconds).ToString(CultureInfo.InvariantCulture));
        string[] actions = [Action, .. tags.All.Count > 0 ? [RoleTrust.TagSession] : Array.Empty<string>(), .. identity.SourceIdentity is not null ? [RoleTrust.SetSourceIdentity] : Array.Empty<string>()];
        foreach (var action in actions)
            if (!trust.Allows(question, identity.Provider.Arn, options.Region, action)) return StsError.Denied($"Not authorized to perform {action}");

        // 4, 5. Only now: whether a managed policy is there is nobody else's business.
        if (!(await policies.ReadAsync(name.Account, input.Policy, input.PolicyArns, cancellationToken)).TryGet(out var texts, out error)) return error;
        var draft = new SessionDraft
        {
            ProviderId = identity.Provider.Id,
            FederatedProvider = identity.Provider.Arn,
            Policies = texts,
            Tags = tags,
            SourceIdentity = identity.SourceIdentity,
        };
        if (!sessions.Issue(role!, input.RoleSessionName!, input.DurationSeconds, draft).TryGet(out var session, out error)) return error;
        return new AssumeRoleWithWebIdentityResponse
        {
            Credentials = RoleSessions.Wire(session),
            AssumedRoleUser = RoleSessions.Wire(role!, input.RoleSessionName!),
            PackedPolicySize = RoleSessions.PackedSizeOrNull(session.Ticket),
            SubjectFromWebIdentityToken = identity.Subject,
            Audience = identity.Audience,
            Provider = identity.Provider.Issuer,
            SourceIdentity = identity.SourceIdentity,
        };
    }
}

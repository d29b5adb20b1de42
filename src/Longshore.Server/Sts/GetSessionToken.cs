using System.Text.Json;
using Longshore.Core.Aws.Sts;
using Longshore.Server.Access;

namespace Longshore.Server.Sts;

/// <summary>GetSessionToken: a session of the caller itself, with all its rights. It needs no permission (STS API reference).</summary>
internal sealed class GetSessionToken(SessionCredentials sessions, TimeProvider time)
    : StsHandler<GetSessionTokenRequest, GetSessionTokenResponse>(StsOperations.GetSessionToken)
{
    /// <summary>How long a session lasts unless the caller says (STS API reference: 12 hours).</summary>
    private const int DefaultSeconds = 43_200;

    /// <summary>The most for the root, whatever it asks for (STS API reference: one hour).</summary>
    private const int MostSecondsOfRoot = 3_600;

    protected override void Describe(GetSessionTokenRequest input, Utf8JsonWriter writer)
    {
        writer.Number("durationSeconds", input.DurationSeconds);
        writer.Text("serialNumber", input.SerialNumber);
    }

    protected override void Describe(GetSessionTokenResponse output, Utf8JsonWriter writer) => writer.Credentials(output.Credentials);

    protected override ValueTask<StsOutcome<GetSessionTokenResponse>> HandleAsync(GetSessionTokenRequest input, StsCall call, CancellationToken cancellationToken)
    {
        var (principal, key) = (call.Caller.Principal, call.Caller.AccessKey!);
        if (key.Ticket is not null) return new(StsError.Denied("Cannot call GetSessionToken with session credentials"));
        if (input.SerialNumber is not null || input.TokenCode is not null) return new(RoleSessions.NoMultiFactor);
        var seconds = input.DurationSeconds ?? DefaultSeconds;
        if (principal.Kind == PrincipalKind.Root) seconds = Math.Min(seconds, MostSecondsOfRoot);
        var now = time.GetUtcNow();
        var (id, secret) = SessionCredentials.NewKey(principal.Account);
        var session = sessions.Issue(new SessionTicket
        {
            AccessKeyId = id,
            Secret = secret,
            PrincipalId = principal.Id,
            Name = principal.Name,
            IssuedAt = now,
            ExpiresAt = DateTimeOffset.FromUnixTimeSeconds(now.ToUnixTimeSeconds() + seconds),
            OriginKeyId = key.Id,
        });
        return new(new GetSessionTokenResponse { Credentials = RoleSessions.Wire(session) });
    }
}

using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Longshore.Core;
using Longshore.Server.Access;
using Longshore.Server.Trail;

namespace Longshore.Server.Management.Trail;

/// <summary>Shows alerts of repeated refusals.</summary>
internal sealed class AlertService(Refusals refusals, TrailOptions options)
{
    /// <summary>Those that the caller may see.</summary>
    public Outcome<RefusalAlertListWire> List(ManagementCall call)
    {
        var all = TrailOperations.IsHomeRoot(call, options.DefaultRegistry.Account);
        return new RefusalAlertListWire([.. refusals.Alerts()
            .Where(alert => all || alert.Account == call.Caller.Principal.Account)
            .Take(1000)
            .Select(static alert => new RefusalAlertWire(
                alert.Source switch { RefusalSource.Address => "address", RefusalSource.AccessKey => "accessKey", _ => "principal" },
                alert.Value,
                alert.Count,
                alert.FirstAt,
                alert.LastAt,
                alert.LastError,
                alert.Active,
                alert.LastEvent))]);
    }
}

/// <summary>Who did what, when: search and verification of the trail of calls.</summary>
internal static class TrailOperations
{
    private const string Path = "trail";
    private const string Tag = "Trail";
    private const string LookupEvents = "cloudtrail:LookupEvents";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ManagementOperation> All { get; } =
    [
        ManagementOperation.Of<TrailSearch, TrailPageWire>(
            new(HttpMethods.Get, Path, "LookupEvents", ManagementScope.Registry, Tag, "Lists records of calls, in CloudTrail's form, newest first.")
            {
                ActionName = LookupEvents,
                Details = "Every authenticated and every refused call leaves a record, registry traffic under its API names. Shown are the records of the caller's account: "
                    + "calls of its registries, and calls of its principals elsewhere. Times are RFC 3339 or seconds since 1970.",
                Paged = true,
                Parameters =
                [
                    ManagementParameter.Query("principal", "ARN of the caller; for sessions also that of the role."),
                    ManagementParameter.Query("accessKey", "Access key id."),
                    ManagementParameter.Query("eventName", "API name, such as PutImage; several separated by commas."),
                    ManagementParameter.Query("repository", "Repository name."),
                    ManagementParameter.Query("digest", "Digest of an image or a layer."),
                    ManagementParameter.Query("tag", "Tag of an image."),
                    ManagementParameter.Query("errorCode", "Name of an error, such as DENIED or AccessDeniedException."),
                    ManagementParameter.Flag("errors", "Failed calls only."),
                    ManagementParameter.Query("sourceIp", "Address of the client."),
                    ManagementParameter.Query("from", "Not before this time."),
                    ManagementParameter.Query("to", "Before this time."),
                    ManagementParameter.Query("readOnly", "true: calls that change nothing; false: those that do."),
                    ManagementParameter.Flag("oldestFirst", "The other order."),
                    ManagementParameter.Flag("allAccounts", "Records of all accounts; for the root of the server's own account alone."),
                ],
            },
            TrailWireJson.Wire.TrailPageWire,
            SearchAsync),
        ManagementOperation.Of<TrailVerification, TrailVerificationWire>(
            new(HttpMethods.Post, Path + "/verification", "StartTrailVerification", ManagementScope.Registry, Tag, "Starts to verify the trail, unless it is being verified.")
            {
                Details = "Follows the chain of hashes over every kept record and checks every seal. For the server's own account alone.",
            },
            TrailWireJson.Wire.TrailVerificationWire,
            static (verification, call, _) => new(Refusal(call, verification.HomeAccount) is { } refused ? refused : Wire(verification.Start()))),
        ManagementOperation.Of<TrailVerification, TrailVerificationWire>(
            new(HttpMethods.Get, Path + "/verification", "GetTrailVerification", ManagementScope.Registry, Tag, "Tells how the last verification of the trail stands."),
            TrailWireJson.Wire.TrailVerificationWire,
            static (verification, call, _) => new(Refusal(call, verification.HomeAccount) is { } refused ? refused : Wire(verification.State))),
        ManagementOperation.Of<AlertService, RefusalAlertListWire>(
            new(HttpMethods.Get, "alerts", "ListAlerts", ManagementScope.Registry, Tag, "Lists who was refused again and again within the last day.")
            {
                Details = "From the tenth refusal within a minute on, further ones of the same address, access key or principal are answered slowly, up to two seconds each. "
                    + "The root of the server's own account sees all; others see keys and principals of their account. Alerts are kept in memory: a restart forgets them.",
            },
            TrailWireJson.Wire.RefusalAlertListWire,
            static (alerts, call, _) => new(alerts.List(call))),
    ];

    /// <summary>A time in RFC 3339 or seconds since 1970, as microseconds.</summary>
    public static bool TryReadTime(string text, out long micros)
    {
        micros = 0;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds < 100_000_000_000)
        {
            micros = seconds * 1_000_000;
            return true;
        }

        if (!DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)) return false;
        micros = TrailPayload.Micros(time);
        return true;
    }

    private static async ValueTask<Outcome<TrailPageWire>> SearchAsync(TrailSearch search, ManagementCall call, CancellationToken cancellationToken)
    {
        var filter = new TrailFilter
        {
            Account = call.Registry.Account,
            Principal = call.Text("principal"),
            AccessKey = call.Text("accessKey"),
            Events = call.Text("eventName")?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [],
            Repository = call.Text("repository"),
            Digest = call.Text("digest"),
            Tag = call.Text("tag"),
            ErrorCode = call.Text("errorCode"),
            Errors = call.Flag("errors"),
            Address = call.Text("sourceIp"),
        };
        if (call.Text("from") is { } from)
        {
            if (!TryReadTime(from, out var micros)) return Invalid("from");
            filter = filter with { From = micros };
        }

        if (call.Text("to") is { } to)
        {
            if (!TryReadTime(to, out var micros)) return Invalid("to");
            filter = filter with { To = micros };
        }

        switch (call.Text("readOnly"))
        {
            case null: break;
            case "true": filter = filter with { ReadOnly = true }; break;
            case "false": filter = filter with { ReadOnly = false }; break;
            default: return new RegistryError(ErrorCode.InvalidParameter, "Invalid parameter at 'readOnly' failed to satisfy constraint: 'must be true or false'");
        }

        if (call.Flag("allAccounts"))
        {
            if (Refusal(call, search.HomeAccount) is { } refused) return refused;
            filter = filter with { Account = null };
        }

        var paging = call.Page(
            filter.Principal, filter.AccessKey, call.Text("eventName"), filter.Repository, filter.Digest, filter.Tag, filter.ErrorCode, call.Text("errors"), filter.Address,
            call.Text("from"), call.Text("to"), call.Text("readOnly"), call.Text("oldestFirst"), call.Text("allAccounts"));
        if (!paging.TryGet(out var page, out var error)) return error;
        long? after = null;
        if (page.After is { } position)
        {
            if (!long.TryParse(position, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return Aws.PageToken.Invalid;
            after = number;
        }

        var found = await search.FindAsync(filter, !call.Flag("oldestFirst"), after, page.Limit, cancellationToken);
        return new TrailPageWire([.. found.Records.Select(CloudTrail)], page.Tokens.Write(found.Next?.ToString(CultureInfo.InvariantCulture)));
    }

    private static JsonElement CloudTrail(TrailRecord record)
    {
        var buffer = new ArrayBufferWriter<byte>(2048);
        using (var json = new Utf8JsonWriter(buffer)) CloudTrailJson.Write(json, record);
        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        return document.RootElement.Clone();
    }

    private static TrailVerificationWire Wire(TrailVerificationState state) => new(
        state.Running,
        state.Progress.Segments,
        state.Progress.Of,
        state.Progress.Records,
        [.. state.Findings.Select(static finding => new TrailFindingWire(finding.Kind == TrailFindingKind.Damage ? "damage" : "note", finding.Segment, finding.AfterRecord, finding.Text))],
        state.MoreFindings,
        state.StartedAt,
        state.FinishedAt,
        state.Error);

    private static RegistryError Invalid(string parameter) =>
        new(ErrorCode.InvalidParameter, $"Invalid parameter at '{parameter}' failed to satisfy constraint: 'must be a time: 2026-01-31T08:00:00Z, or seconds since 1970'");

    /// <summary>Whether the caller may see what concerns all accounts.</summary>
    public static bool IsHomeRoot(ManagementCall call, string home) => call.Caller.Principal is { Kind: PrincipalKind.Root } principal && principal.Account == home;

    private static RegistryError? Refusal(ManagementCall call, string home) => IsHomeRoot(call, home)
        ? null
        : new RegistryError(ErrorCode.Denied, $"This concerns all accounts of the server: only the root of account {home} may ask for it.");
}

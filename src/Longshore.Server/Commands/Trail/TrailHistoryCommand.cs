using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Longshore.Server.Commands.Clients;

namespace Longshore.Server.Commands.Trail;

/// <summary>
/// <c>longshore trail history</c>: which digest a tag named at a time, who had set it, and who pulled that image since. (1) The last push of the tag
/// before that time; (2) whether the tag or the image was removed in between; (3) the pulls of it from then on.
/// </summary>
internal sealed class TrailHistoryCommand : TrailClientCommand
{
    private const string PutImage = "PutImage";
    private const string Removals = "BatchDeleteImage,DeleteRepository,PolicyExecutionEvent,DeleteImage,ApplyPlan";

    private readonly Option<string> repository = new("--repository") { HelpName = "NAME", Description = "The repository.", Required = true };
    private readonly Option<string> tag = new("--tag") { HelpName = "TAG", Description = "The tag.", Required = true };
    private readonly Option<string?> at = new("--at") { HelpName = "TIME", Description = "2026-01-31, 2026-01-31T08:00:00Z, or seconds since 1970. Default: now." };

    /// <summary>Creates the command.</summary>
    public TrailHistoryCommand(TextWriter output, TextWriter error)
        : base("history", "Which digest did a tag name at a time, and who pulled that image since? Exit code 1: the tag named nothing then.", output, error)
    {
        Add(repository);
        Add(tag);
        Add(at);
    }

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        using var servers = ConnectAll(parsed);
        var (name, label, time) = (parsed.GetValue(repository)!, parsed.GetValue(tag)!, parsed.GetValue(at));
        // 1
        var set = await FirstAsync(servers, new TrailQuery().With("eventName", PutImage).With("repository", name).With("tag", label).With("to", time), IsSuccess, cancellationToken);
        var digest = set is { } push ? TrailQuery.Text(push, "additionalEventData", "digest") : null;
        // 2
        JsonElement? removed = null;
        if (set is { } since)
        {
            removed = await FirstAsync(
                servers,
                new TrailQuery().With("eventName", Removals).With("repository", name).With("from", TrailQuery.Text(since, "eventTime")).With("to", time),
                record => IsSuccess(record) && servers.PositionOf(record) > servers.PositionOf(since) && Removes(record, label, digest),
                cancellationToken);
        }

        var pulls = new List<JsonElement>();
        if (set is { } setting && removed is null && digest is not null) await AddPullsAsync(servers, name, label, digest, setting, pulls, cancellationToken);
        if (IsJson(parsed)) PrintJson(name, label, time, set, removed, digest, pulls);
        else Print(name, label, time, set, removed, digest, pulls);
        return set is not null && removed is null ? ClientExitCodes.Fine : ClientExitCodes.Findings;
    }

    /// <summary>
    /// 3. Pulls name the digest; those by tag that do not count while the tag was not pushed anew.
    /// </summary>
    private static async Task AddPullsAsync(TrailServers servers, string name, string label, string digest, JsonElement set, List<JsonElement> pulls, CancellationToken cancellationToken)
    {
        var from = TrailQuery.Text(set, "eventTime");
        var again = await FirstAsync(
            servers,
            new TrailQuery().With("eventName", PutImage).With("repository", name).With("tag", label).With("from", from).With("oldestFirst", true),
            record => IsSuccess(record) && servers.PositionOf(record) > servers.PositionOf(set) && TrailQuery.Text(record, "additionalEventData", "digest") != digest,
            cancellationToken);
        var until = again is { } next ? servers.PositionOf(next) : long.MaxValue;
        await foreach (var record in new TrailQuery().With("eventName", "BatchGetImage").With("repository", name).With("from", from).With("oldestFirst", true).RunAsync(servers, cancellationToken))
        {
            if (!IsSuccess(record) || servers.PositionOf(record) < servers.PositionOf(set)) continue;
            var pulled = TrailQuery.Text(record, "additionalEventData", "digest");
            if (pulled == digest || Names(record, "imageDigest", digest) || (pulled is null && servers.PositionOf(record) < until && Names(record, "imageTag", label))) pulls.Add(record);
        }
    }

    private static async Task<JsonElement?> FirstAsync(TrailServers servers, TrailQuery query, Func<JsonElement, bool> wanted, CancellationToken cancellationToken)
    {
        await foreach (var record in query.RunAsync(servers, cancellationToken))
            if (wanted(record)) return record;
        return null;
    }

    private static bool IsSuccess(JsonElement record) => TrailQuery.Text(record, "errorCode") is null;

    /// <summary>Whether a removal took the tag, or the image that it named.</summary>
    private static bool Removes(JsonElement record, string label, string? digest)
    {
        switch (TrailQuery.Text(record, "eventName"))
        {
            case "DeleteRepository":
                return true;
            case "PolicyExecutionEvent":
                return record.TryGetProperty("serviceEventDetails", out var details) && details.TryGetProperty("lifecycleEventImageActions", out var actions)
                    && actions.EnumerateArray().Any(action => action.TryGetProperty("lifecycleEventImage", out var image) && TrailQuery.Text(image, "digest") == digest);
            default:
                return TrailQuery.Text(record, "additionalEventData", "tag") == label || TrailQuery.Text(record, "additionalEventData", "digest") == digest
                    || Names(record, "imageTag", label) || (digest is not null && Names(record, "imageDigest", digest));
        }
    }

    private static bool Names(JsonElement record, string member, string value) =>
        record.TryGetProperty("requestParameters", out var parameters) && parameters.ValueKind == JsonValueKind.Object
        && parameters.TryGetProperty("imageIds", out var ids) && ids.ValueKind == JsonValueKind.Array
        && ids.EnumerateArray().Any(id => TrailQuery.Text(id, member) == value);

    private void Print(string name, string label, string? time, JsonElement? set, JsonElement? removed, string? digest, List<JsonElement> pulls)
    {
        var when = time is null ? "now" : "at " + time;
        if (set is not { } push)
        {
            Output.WriteLine($"{name}:{label} was not set before {(time is null ? "now" : time)}, as far as the trail goes back.");
            return;
        }

        var setBy = $"pushed at {TrailQuery.Text(push, "eventTime")} by {TrailQuery.Who(push)} from {TrailQuery.Text(push, "sourceIPAddress")}";
        if (removed is { } removal)
        {
            Output.WriteLine($"{name}:{label} named nothing {when}.");
            Output.WriteLine($"Before: {digest}, {setBy};");
            Output.WriteLine($"removed at {TrailQuery.Text(removal, "eventTime")} by {TrailQuery.Who(removal)} ({TrailQuery.Text(removal, "eventName")}).");
            return;
        }

        Output.WriteLine($"{name}:{label} {when}: {digest}");
        Output.WriteLine(setBy);
        if (pulls.Count > 0)
        {
            var table = Screen.Table("pulled at", "by", "from", "with");
            foreach (var pull in pulls)
                table.Row(TrailQuery.Text(pull, "eventTime") ?? "", TrailQuery.Who(pull), TrailQuery.Text(pull, "sourceIPAddress") ?? "", Cut(TrailQuery.Text(pull, "userAgent") ?? ""));
            Screen.Over(Output).Write(table);
        }

        Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{pulls.Count} pulls since"));
    }

    private void PrintJson(string name, string label, string? time, JsonElement? set, JsonElement? removed, string? digest, List<JsonElement> pulls) => Screen.Json(Output, json =>
    {
        json.WriteString("repository", name);
        json.WriteString("tag", label);
        if (time is not null) json.WriteString("at", time);
        if (removed is null) json.WriteString("digest", digest);
        else json.WriteNull("digest");
        Write(json, "set", set);
        Write(json, "removed", removed);
        json.WriteStartArray("pulls");
        foreach (var pull in pulls) pull.WriteTo(json);
        json.WriteEndArray();
    });

    private static void Write(Utf8JsonWriter json, string name, JsonElement? record)
    {
        json.WritePropertyName(name);
        if (record is { } value) value.WriteTo(json);
        else json.WriteNullValue();
    }

    private static string Cut(string text) => text.Length <= 40 ? text : text[..39] + "…";
}

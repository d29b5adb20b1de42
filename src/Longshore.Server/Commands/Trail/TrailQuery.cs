using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Longshore.Server.Commands.Clients;
using Longshore.Server.Management.Trail;

namespace Longshore.Server.Commands.Trail;

/// <summary>Asks a server for records of its trail, page by page.</summary>
internal sealed class TrailQuery
{
    private const int PageSize = 500;

    private readonly StringBuilder query = new();
    private bool oldestFirst;

    /// <summary>With one parameter more; null leaves it out.</summary>
    public TrailQuery With(string name, string? value)
    {
        if (value is not null) query.Append('&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
        return this;
    }

    /// <summary>With a flag, when it is set.</summary>
    public TrailQuery With(string name, bool flag)
    {
        if (name == "oldestFirst") oldestFirst = flag;
        return With(name, flag ? "true" : null);
    }

    /// <summary>All records of all servers, in the order asked for. What the service did by itself may be in several trails, and is told once.</summary>
    public async IAsyncEnumerable<JsonElement> RunAsync(TrailServers servers, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (servers.Clients.Count == 1)
        {
            await foreach (var record in RunAsync(servers.Clients[0], cancellationToken)) yield return record;
            yield break;
        }

        var open = new List<IAsyncEnumerator<JsonElement>>();
        try
        {
            foreach (var client in servers.Clients)
            {
                var one = RunAsync(client, cancellationToken).GetAsyncEnumerator(cancellationToken);
                if (await one.MoveNextAsync()) open.Add(one);
                else await one.DisposeAsync();
            }

            var told = new HashSet<string>(StringComparer.Ordinal);
            while (open.Count > 0)
            {
                var next = oldestFirst ? open.MinBy(one => servers.PositionOf(one.Current))! : open.MaxBy(one => servers.PositionOf(one.Current))!;
                var record = next.Current;
                if (Text(record, "eventType") != "AwsServiceEvent" || told.Add(Text(record, "eventID") ?? "")) yield return record;
                if (await next.MoveNextAsync()) continue;
                open.Remove(next);
                await next.DisposeAsync();
            }
        }
        finally
        {
            foreach (var one in open) await one.DisposeAsync();
        }
    }

    private async IAsyncEnumerable<JsonElement> RunAsync(RegistryClient client, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? token = null;
        do
        {
            var path = string.Create(CultureInfo.InvariantCulture, $"trail?maxResults={PageSize}{query}{(token is null ? "" : "&nextToken=" + Uri.EscapeDataString(token))}");
            var page = await client.CallAsync(HttpMethod.Get, path, null, TrailWireJson.Client.TrailPageWire, cancellationToken);
            foreach (var record in page.Records) yield return record;
            token = page.NextToken;
        }
        while (token is not null);
    }

    /// <summary>A member of a record by its path; null when it is not there or no text.</summary>
    public static string? Text(JsonElement record, params ReadOnlySpan<string> path)
    {
        foreach (var name in path)
        {
            if (record.ValueKind != JsonValueKind.Object || !record.TryGetProperty(name, out record)) return null;
        }

        return record.ValueKind switch
        {
            JsonValueKind.String => record.GetString(),
            JsonValueKind.Number => record.GetRawText(),
            _ => null,
        };
    }

    /// <summary>Who called, in short: the end of the ARN, else the key that was claimed.</summary>
    public static string Who(JsonElement record)
    {
        var arn = Text(record, "userIdentity", "arn");
        if (arn is not null) return arn.Split(':', 6) is [_, _, _, _, var account, var resource] ? $"{account}:{resource}" : arn;
        if (Text(record, "userIdentity", "invokedBy") is not null) return "(the registry itself)";
        return Text(record, "userIdentity", "accessKeyId") is { } key ? $"(refused key {key})" : "(nobody)";
    }

    /// <summary>What it was about, in short.</summary>
    public static string What(JsonElement record)
    {
        var repository = Text(record, "requestParameters", "repositoryName") ?? Text(record, "serviceEventDetails", "repositoryName");
        if (repository is null && record.TryGetProperty("resources", out var resources) && resources.ValueKind == JsonValueKind.Array && resources.GetArrayLength() > 0)
            repository = Text(resources[0], "ARN") is { } arn ? arn.Split(':', 6)[^1] : null;
        var tag = Text(record, "additionalEventData", "tag");
        var digest = Text(record, "additionalEventData", "digest");
        return (repository ?? "") + (tag is null ? "" : ":" + tag) + (digest is null ? "" : "@" + Screen.Short(digest));
    }

    /// <summary>How it ended.</summary>
    public static string Result(JsonElement record) => Text(record, "errorCode") ?? Text(record, "additionalEventData", "httpStatus") ?? "–";
}

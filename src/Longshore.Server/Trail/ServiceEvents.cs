using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Longshore.Server.Content.Events;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Trail;

/// <summary>
/// Takes over what the service itself did (runs of lifecycle policies) from the database, where it was written in the transaction of the doing,
/// into the trail. At least once: a crash between the two, or a full disk, may repeat some, under the same eventID.
/// </summary>
internal sealed class ServiceEvents(TrailLog log, IDatabase database, TimeProvider time)
{
    private const string CursorSetting = "trail.service-events";
    private const int Batch = 200;

    // A line of the trail must hold it, with room for what stands around it.
    private const int MaxRecord = 12 * 1024;

    /// <summary>How long the database keeps what the trail has.</summary>
    private static readonly TimeSpan Kept = TimeSpan.FromDays(14);

    private long? cursor;

    /// <summary>Takes over what is new.</summary>
    public async Task CopyAsync(CancellationToken cancellationToken)
    {
        cursor ??= await ReadCursorAsync(cancellationToken);
        while (!log.IsFull)
        {
            var rows = await database.ReadAsync(session => AuditRows.ReadAfterAsync(session, cursor.Value, Batch), cancellationToken);
            if (rows.Count == 0) return;
            foreach (var row in rows)
            {
                var (record, repository) = Shorten(row.Record);
                await log.AppendAsync(TrailPayload.WriteService(row.At, row.Registry, row.EventName, repository, record), TrailPayload.Micros(row.At), 0);
            }

            await log.FlushAsync(sync: true, cancellationToken);
            // What a full disk kept out of the trail is taken over again, from this batch on.
            if (log.IsFull) return;
            cursor = rows[^1].Id;
            await database.WriteAsync(
                Durability.Relaxed,
                session => session.ExecuteAsync(
                    "INSERT INTO settings (name, value) VALUES (@name, @value) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    ("@name", CursorSetting),
                    ("@value", Encoding.ASCII.GetBytes(cursor.Value.ToString(CultureInfo.InvariantCulture)))),
                cancellationToken);
        }
    }

    /// <summary>Removes from the database what the trail has had for a while.</summary>
    public async Task TrimAsync(CancellationToken cancellationToken)
    {
        if (cursor is not { } upTo) return;
        var before = time.GetUtcNow() - Kept;
        while (await database.WriteAsync(Durability.Relaxed, session => AuditRows.TrimAsync(session, upTo, before, Batch), cancellationToken) == Batch)
        {
            // The next batch.
        }
    }

    /// <summary>The record, and its repository. One that is too long loses tags, the images that have most of them first.</summary>
    private static (byte[] Record, string? Repository) Shorten(string text)
    {
        var node = JsonNode.Parse(text)!.AsObject();
        var details = node["serviceEventDetails"] as JsonObject;
        var record = Encoding.UTF8.GetBytes(text);
        foreach (var kept in (ReadOnlySpan<int>)[20, 5, 1, 0])
        {
            if (record.Length <= MaxRecord || details is null) break;
            foreach (var list in (ReadOnlySpan<string>)["lifecycleEventImageActions", "lifecycleEventFailureDetails"])
            {
                foreach (var action in details[list] as JsonArray ?? [])
                    if (action?["lifecycleEventImage"]?["tagList"] is JsonArray tags) while (tags.Count > kept) tags.RemoveAt(tags.Count - 1);
            }

            record = Encoding.UTF8.GetBytes(node.ToJsonString());
        }

        // What is left is the policy, of up to fifty rules with their descriptions.
        if (record.Length > MaxRecord && details?["lifecycleEventPolicy"] is JsonObject policy)
        {
            policy.Remove("lifecycleEventRules");
            record = Encoding.UTF8.GetBytes(node.ToJsonString());
        }

        return (record, (string?)details?["repositoryName"]);
    }

    private async Task<long> ReadCursorAsync(CancellationToken cancellationToken)
    {
        var value = await database.ReadAsync(
            session => session.QueryFirstAsync("SELECT value FROM settings WHERE name = @name", static row => row.GetBytes(0), ("@name", CursorSetting)), cancellationToken);
        return value is null ? 0 : long.Parse(Encoding.ASCII.GetString(value), CultureInfo.InvariantCulture);
    }
}

using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Longshore.Server.Commands.Clients;
using Longshore.Server.Management.Collection;
using Spectre.Console;

namespace Longshore.Server.Commands.Cleanup;

/// <summary><c>longshore gc</c>: collects the bodies that nothing names any more, now, on a server that goes on serving.</summary>
internal sealed class GcCommand : ClientCommand
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(500);
    private readonly Option<bool> dryRun = new("--dry-run") { Description = "List exactly what would go; change nothing." };
    private readonly Option<bool> full = new("--full") { Description = "Also walk the store for files that no row names, and the database for bodies that no lease leads to." };

    /// <summary>Creates the command.</summary>
    public GcCommand(TextWriter output, TextWriter error)
        : base("gc", "Collect the blobs that nothing names any more, on a running Longshore server.", output, error)
    {
        Add(dryRun);
        Add(full);
    }

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        using var client = Connect(parsed);
        if (!await client.IsLongshoreAsync(cancellationToken)) throw new ClientException($"{client.Endpoint} is no Longshore server; AWS collects by itself.");
        if (parsed.GetValue(dryRun)) return await ListAsync(client, IsJson(parsed), cancellationToken);
        var asked = TimeProvider.System.GetUtcNow();
        var body = JsonSerializer.SerializeToUtf8Bytes(new StartCollectionWire(Full: parsed.GetValue(full)), CollectionWireJson.Client.StartCollectionWire);
        await client.CallAsync(HttpMethod.Post, "collection", body, CollectionWireJson.Client.CollectionStartedWire, cancellationToken);
        CollectionStatusWire status;
        do
        {
            await Task.Delay(Poll, TimeProvider.System, cancellationToken);
            status = await client.CallAsync(HttpMethod.Get, "collection", null, CollectionWireJson.Client.CollectionStatusWire, cancellationToken);
        }
        while (status.Jobs.Any(job => job.Running || (job.Name == "collection" && (job.FinishedAt is null || job.FinishedAt < asked) && job.LastError is null)));
        Print(IsJson(parsed), status);
        return status.Jobs.Any(static job => job.LastError is not null) ? ClientExitCodes.Error : ClientExitCodes.Fine;
    }

    private async Task<int> ListAsync(RegistryClient client, bool json, CancellationToken cancellationToken)
    {
        var bodies = new List<CollectionCandidateWire>();
        for (string? token = null; ;)
        {
            var page = await client.CallAsync(
                HttpMethod.Get,
                "collection/candidates?maxResults=1000" + (token is null ? "" : "&nextToken=" + Uri.EscapeDataString(token)),
                null,
                CollectionWireJson.Client.CollectionCandidatesWire,
                cancellationToken);
            bodies.AddRange(page.Bodies);
            if ((token = page.NextToken) is null) break;
        }

        if (json)
        {
            Screen.Json(Output, writer =>
            {
                writer.WriteNumber("bodies", bodies.Count);
                writer.WriteNumber("bytes", bodies.Sum(static body => body.Size));
                writer.WriteStartArray("candidates");
                foreach (var body in bodies)
                {
                    writer.WriteStartObject();
                    writer.WriteString("digest", body.Digest);
                    writer.WriteNumber("size", body.Size);
                    writer.WriteString("notBefore", body.NotBefore);
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            });
            return ClientExitCodes.Fine;
        }

        var console = Screen.Over(Output);
        if (bodies.Count > 0)
        {
            var table = Screen.Table("blob", "size>", "not before");
            foreach (var body in bodies) table.Row(Screen.Short(body.Digest), Screen.Bytes(body.Size), body.NotBefore.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture));
            console.Write(table);
        }

        console.MarkupLineInterpolated($"{bodies.Count} blobs with {Screen.Bytes(bodies.Sum(static body => body.Size))} would go, if nothing names them before.");
        return ClientExitCodes.Fine;
    }

    private void Print(bool json, CollectionStatusWire status)
    {
        if (json)
        {
            Output.WriteLine(JsonSerializer.Serialize(status, CollectionWireJson.Client.CollectionStatusWire));
            return;
        }

        var table = Screen.Table("job", "freed blobs>", "freed>", "orphans>", "condemned>", "error");
        foreach (var job in status.Jobs)
        {
            table.Row(
                job.Name,
                job.Run.FreedBodies.ToString(CultureInfo.InvariantCulture),
                Screen.Bytes(job.Run.FreedBytes),
                job.Run.OrphansRemoved.ToString(CultureInfo.InvariantCulture),
                job.Run.Condemned.ToString(CultureInfo.InvariantCulture),
                job.LastError ?? "–");
        }

        Screen.Over(Output).Write(table);
    }
}

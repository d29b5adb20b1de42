using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Longshore.Server.Commands.Clients;
using Longshore.Server.Management.Trail;

namespace Longshore.Server.Commands.Trail;

/// <summary><c>longshore trail alerts</c>: who was refused again and again. Exit code 1: somebody is, right now.</summary>
internal sealed class TrailAlertsCommand : ClientCommand
{
    /// <summary>Creates the command.</summary>
    public TrailAlertsCommand(TextWriter output, TextWriter error)
        : base("alerts", "Show who was refused again and again within the last day. Exit code 1: it goes on.", output, error)
    {
    }

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        using var client = Connect(parsed);
        var list = await client.CallAsync(HttpMethod.Get, "alerts", null, TrailWireJson.Client.RefusalAlertListWire, cancellationToken);
        if (IsJson(parsed))
        {
            await Output.WriteLineAsync(JsonSerializer.Serialize(list, TrailWireJson.Client.RefusalAlertListWire));
        }
        else if (list.Alerts.Count == 0)
        {
            await Output.WriteLineAsync("Nobody was refused again and again.");
        }
        else
        {
            var table = Screen.Table("who", "", "refused>", "since", "last", "with", "wanted", "now");
            foreach (var alert in list.Alerts)
                table.Row(alert.Source, alert.Value, alert.Count.ToString(CultureInfo.InvariantCulture), Time(alert.FirstAt), Time(alert.LastAt), alert.LastError, alert.LastEvent ?? "", alert.Active ? "goes on" : "over");
            Screen.Over(Output).Write(table);
        }

        return list.Alerts.Any(static alert => alert.Active) ? ClientExitCodes.Findings : ClientExitCodes.Fine;
    }

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}

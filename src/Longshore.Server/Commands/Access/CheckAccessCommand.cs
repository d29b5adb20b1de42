using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Longshore.Server.Commands.Clients;
using Longshore.Server.Management.Access;
using Spectre.Console;

namespace Longshore.Server.Commands.Access;

/// <summary><c>longshore access check</c>: grants that are too wide, keys and roles that nobody uses.</summary>
internal sealed class CheckAccessCommand : ClientCommand
{
    private readonly Option<int?> unused = new("--unused-days") { HelpName = "DAYS", Description = "How many days a key or role must not have been used to be told. Default: 90." };

    /// <summary>Creates the command.</summary>
    public CheckAccessCommand(TextWriter output, TextWriter error)
        : base("check", "List grants that are too wide, and unused keys and roles, each with the fix. Exit code 0: none; 1: findings; 2: it could not be asked.", output, error) => Add(unused);

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        using var client = Connect(parsed);
        if (!await client.IsLongshoreAsync(cancellationToken)) throw new ClientException($"{client.Endpoint} is no Longshore server; on AWS, use IAM Access Analyzer.");
        var found = new List<AccessFindingWire>();
        string? token = null;
        do
        {
            var query = string.Create(CultureInfo.InvariantCulture, $"access/check?unusedDays={parsed.GetValue(unused) ?? AccessOperations.DefaultUnusedDays}");
            if (token is not null) query += $"&nextToken={Uri.EscapeDataString(token)}";
            var page = await client.CallAsync(HttpMethod.Get, query, null, AccessJson.Client.AccessFindingsWire, cancellationToken);
            found.AddRange(page.Findings);
            token = page.NextToken;
        }
        while (token is not null);

        found = [.. found.OrderBy(static f => f.Severity switch { "high" => 0, "medium" => 1, _ => 2 })];
        if (IsJson(parsed)) await Output.WriteLineAsync(JsonSerializer.Serialize(new AccessFindingsWire(found, null), AccessJson.Client.AccessFindingsWire));
        else Print(Screen.Over(Output), found);
        return found.Count == 0 ? ClientExitCodes.Fine : ClientExitCodes.Findings;
    }

    private static void Print(IAnsiConsole console, List<AccessFindingWire> found)
    {
        foreach (var finding in found)
        {
            var colour = finding.Severity switch { "high" => "red", "medium" => "yellow", _ => "grey" };
            console.Markup($"[{colour}]{finding.Severity,-7}[/]");
            console.MarkupLineInterpolated($"{finding.Where}");
            console.MarkupLineInterpolated($"       {finding.Message}  ({finding.Code})");
            console.MarkupLineInterpolated($"       to do: {finding.Fix}");
        }

        var high = found.Count(static f => f.Severity == "high");
        console.MarkupLineInterpolated($"{found.Count} {(found.Count == 1 ? "finding" : "findings")}, {high} of them high.");
    }
}

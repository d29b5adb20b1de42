using System.CommandLine;
using System.Text.Json;
using Longshore.Server.Commands.Clients;
using Longshore.Server.Management.Lifecycle;

namespace Longshore.Server.Commands.Cleanup;

/// <summary><c>longshore apply PLAN</c>: applies a plan and shows the receipt.</summary>
internal sealed class ApplyCommand : ClientCommand
{
    private readonly Argument<string> plan = new("PLAN") { Description = "A plan's id, or the file that longshore plan --out wrote." };
    private readonly Option<bool> yes = new("--yes") { Description = "Do not ask." };

    /// <summary>Creates the command.</summary>
    public ApplyCommand(TextWriter output, TextWriter error)
        : base("apply", "Apply a plan: what it says and nothing else. Exit code 1: images were kept after all, as something had changed.", output, error)
    {
        Add(plan);
        Add(yes);
    }

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var id = parsed.GetRequiredValue(plan);
        if (File.Exists(id)) id = JsonSerializer.Deserialize(await File.ReadAllTextAsync(id, cancellationToken), LifecycleJson.Client.PlanWire)?.Id ?? throw new ClientException($"'{id}' holds no plan.");
        using var client = Connect(parsed);
        var found = await PlanClient.FindAsync(client, id, cancellationToken);
        if (found.Status == "COMPLETE" && !parsed.GetValue(yes) && !await AskAsync(found, cancellationToken)) return ClientExitCodes.Error;
        var applied = await PlanClient.ApplyAsync(client, id, cancellationToken);
        var images = new List<PlanImageWire>();
        await foreach (var image in PlanClient.ImagesAsync(client, id, acting: true, cancellationToken)) images.Add(image);
        if (IsJson(parsed)) PlanPrinter.Json(Output, applied, images);
        else PlanPrinter.Print(Screen.Over(Output), applied, images, outcome: true);
        return applied.Receipt is { NotDone: > 0 } ? ClientExitCodes.Findings : ClientExitCodes.Fine;
    }

    private async Task<bool> AskAsync(PlanWire found, CancellationToken cancellationToken)
    {
        if (Console.IsInputRedirected) throw new ClientException($"plan {found.Id} removes {found.Expiring} and archives {found.Transitioning} images of {found.Repository}. Say --yes to apply it without being asked.");
        await Error.WriteAsync($"Remove {found.Expiring} and archive {found.Transitioning} images of {found.Repository}, {Screen.Bytes(found.PhysicalBytes)} of disk? [y/N] ");
        var answer = await Console.In.ReadLineAsync(cancellationToken);
        if (answer?.Trim() is "y" or "Y" or "yes") return true;
        await Error.WriteLineAsync("Nothing was changed.");
        return false;
    }
}

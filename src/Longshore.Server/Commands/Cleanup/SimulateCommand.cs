using System.CommandLine;
using System.Globalization;
using Longshore.Core.Lifecycle;
using Longshore.Server.Commands.Clients;
using Spectre.Console;

namespace Longshore.Server.Commands.Cleanup;

/// <summary><c>longshore simulate</c>: what a policy does today and on the days to come. Changes nothing.</summary>
internal sealed class SimulateCommand : ClientCommand
{
    private readonly Option<string> repository = new("--repository") { HelpName = "NAME", Description = "The repository.", Required = true };
    private readonly Option<string?> policyFile = new("--policy") { HelpName = "FILE", Description = "The policy; - is standard input. Default: the repository's own." };
    private readonly Option<int> days = new("--days") { HelpName = "N", Description = "Days to look ahead, 0 to 3650. Default: 0, the next run alone." };
    private readonly Option<double> pushRate = new("--push-rate") { HelpName = "N", Description = "Images pushed a day from now on, 0 to 1000, tagged like the newest one. Default: 0." };

    /// <summary>Creates the command.</summary>
    public SimulateCommand(TextWriter output, TextWriter error)
        : base("simulate", "Show what a lifecycle policy would do, today and on the days to come. Exit code 1: it would take images that are protected or in use.", output, error)
    {
        Add(repository);
        Add(policyFile);
        Add(days);
        Add(pushRate);
    }

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var (name, ahead, rate) = (parsed.GetRequiredValue(repository), parsed.GetValue(days), parsed.GetValue(pushRate));
        if (ahead is < 0 or > 3650) throw new ClientException("--days takes 0 to 3650.");
        if (rate is < 0 or > 1000 || double.IsNaN(rate)) throw new ClientException("--push-rate takes 0 to 1000.");
        using var client = Connect(parsed);
        var policy = await PolicySource.ReadAsync(client, name, parsed.GetValue(policyFile) is { } file ? await ReadTextAsync(file, cancellationToken) : null, cancellationToken);
        var images = await RepositoryReader.ReadAsync(client, name, static _ => { }, cancellationToken);
        var longshore = await client.IsLongshoreAsync(cancellationToken);
        var vetoes = longshore ? await VetoSource.ReadAsync(client, name, cancellationToken) : [];
        var steps = LifecycleSimulation.Run(
            policy,
            [.. images.Select(static i => new SimulatedImage(i.Image, i.Size, i.Blobs, i.Children))],
            image => vetoes.GetValueOrDefault(image.Digest),
            TimeProvider.System.GetUtcNow(),
            ahead,
            rate).ToList();
        Print(IsJson(parsed), name, images.Count, longshore, steps);
        return steps.Exists(static step => step.Planned.Veto is not null) ? ClientExitCodes.Findings : ClientExitCodes.Fine;
    }

    private void Print(bool json, string name, int count, bool longshore, List<SimulatedStep> steps)
    {
        var going = steps.Where(static step => step.Planned.Action is not null).ToList();
        if (json)
        {
            Screen.Json(Output, writer =>
            {
                writer.WriteString("repository", name);
                writer.WriteNumber("images", count);
                writer.WriteNumber("expiring", going.Count(static step => step.Planned.Action == LifecycleAction.Expire));
                writer.WriteNumber("transitioning", going.Count(static step => step.Planned.Action == LifecycleAction.Transition));
                if (longshore) writer.WriteNumber("logicalBytes", going.Sum(static step => step.LogicalBytes ?? 0));
                writer.WriteStartArray("steps");
                foreach (var step in steps)
                {
                    writer.WriteStartObject();
                    writer.WriteNumber("day", step.Day);
                    writer.WriteString("digest", step.Planned.Image.Digest);
                    writer.WriteStartArray("tags");
                    foreach (var tag in step.Planned.Image.Tags) writer.WriteStringValue(tag);
                    writer.WriteEndArray();
                    writer.WriteString("action", step.Planned.Action switch { LifecycleAction.Expire => "EXPIRE", LifecycleAction.Transition => "TRANSITION", _ => "KEEP" });
                    writer.WriteNumber("rulePriority", step.Planned.Decision.Rule!.Priority);
                    writer.WriteNumber("size", step.Size);
                    if (step.LogicalBytes is { } bytes) writer.WriteNumber("logicalBytes", bytes);
                    writer.WriteBoolean("synthetic", step.IsSynthetic);
                    writer.WriteString("why", step.Why);
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            });
            return;
        }

        var console = Screen.Over(Output);
        if (steps.Count == 0)
        {
            console.MarkupLineInterpolated($"The policy takes none of the {count} images of {name}.");
            return;
        }

        var table = Screen.Table("day>", "what", "image", "tags", "rule>", longshore ? "freed>" : "size>", "why");
        foreach (var step in steps)
        {
            table.Row(
                step.Day.ToString(CultureInfo.InvariantCulture),
                step.Planned.Action switch { LifecycleAction.Expire => "expires", LifecycleAction.Transition => "archived", _ => "KEPT" },
                Screen.Short(step.Planned.Image.Digest),
                Screen.Tags(step.Planned.Image.Tags),
                step.Planned.Decision.Rule!.Priority.ToString(CultureInfo.InvariantCulture),
                Screen.Bytes(longshore ? step.LogicalBytes : step.Size),
                step.Why);
        }

        console.Write(table);
        var kept = steps.Count - going.Count;
        console.MarkupLineInterpolated(
            $"{going.Count(static s => !s.IsSynthetic)} of {count} images go{(going.Exists(static s => s.IsSynthetic) ? $", and {going.Count(static s => s.IsSynthetic)} of the pushes to come" : "")}: {(longshore ? Screen.Bytes(going.Sum(static s => s.LogicalBytes ?? 0)) + " freed" : "up to " + Screen.Bytes(going.Sum(static s => s.Size)) + " freed: ECR does not tell what images share")}.");
        if (kept > 0) console.MarkupLineInterpolated($"{kept} images are protected or in use; the policy would have taken them.");
        if (!longshore) console.MarkupLineInterpolated($"ECR does not tell which images an index lists: those stay until their index goes.");
    }
}

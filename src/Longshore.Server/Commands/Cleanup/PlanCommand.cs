using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Longshore.Server.Commands.Clients;
using Longshore.Server.Management.Lifecycle;
using Spectre.Console;

namespace Longshore.Server.Commands.Cleanup;

/// <summary><c>longshore plan</c>: makes a plan on the server and shows it. Changes nothing until it is applied.</summary>
internal sealed class PlanCommand : ClientCommand
{
    private readonly Option<string> repository = new("--repository") { HelpName = "NAME", Description = "The repository.", Required = true };
    private readonly Option<string?> policyFile = new("--policy") { HelpName = "FILE", Description = "The policy; - is standard input. Default: the repository's own." };
    private readonly Option<string?> outFile = new("--out") { HelpName = "FILE", Description = "Keep the plan there, for longshore apply." };

    /// <summary>Creates the command.</summary>
    public PlanCommand(TextWriter output, TextWriter error)
        : base("plan", "Plan a clean-up on a Longshore server: every image that goes, why, and the bytes. Exit code 1: images are kept by protection or use.", output, error)
    {
        Add(repository);
        Add(policyFile);
        Add(outFile);
    }

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        using var client = Connect(parsed);
        if (!await client.IsLongshoreAsync(cancellationToken)) throw new ClientException($"{client.Endpoint} is no Longshore server, and ECR has no plans: use longshore simulate.");
        var text = parsed.GetValue(policyFile) is { } file ? await ReadTextAsync(file, cancellationToken) : null;
        var plan = await PlanClient.MakeAsync(client, parsed.GetRequiredValue(repository), text, cancellationToken);
        var images = new List<PlanImageWire>();
        await foreach (var image in PlanClient.ImagesAsync(client, plan.Id, acting: false, cancellationToken))
            if (image.Action is not null || Enum.TryParse<Core.Lifecycle.RetentionKind>(image.Reason, out _)) images.Add(image);
        if (parsed.GetValue(outFile) is { } target) await File.WriteAllTextAsync(target, JsonSerializer.Serialize(plan, LifecycleJson.Client.PlanWire) + "\n", cancellationToken);
        if (IsJson(parsed)) PlanPrinter.Json(Output, plan, images);
        else PlanPrinter.Print(Screen.Over(Output), plan, images, outcome: false);
        return plan.Vetoed > 0 ? ClientExitCodes.Findings : ClientExitCodes.Fine;
    }
}

/// <summary>Plans and receipts for people and machines.</summary>
internal static class PlanPrinter
{
    /// <summary>As JSON: the plan as the API has it, and its images.</summary>
    public static void Json(TextWriter output, PlanWire plan, List<PlanImageWire> images) => Screen.Json(output, writer =>
    {
        writer.WritePropertyName("plan");
        JsonSerializer.Serialize(writer, plan, LifecycleJson.Client.PlanWire);
        writer.WritePropertyName("images");
        writer.WriteStartArray();
        foreach (var image in images) JsonSerializer.Serialize(writer, image, LifecycleJson.Client.PlanImageWire);
        writer.WriteEndArray();
    });

    /// <summary>As a table with totals.</summary>
    public static void Print(IAnsiConsole console, PlanWire plan, List<PlanImageWire> images, bool outcome)
    {
        if (images.Count > 0)
        {
            var table = outcome ? Screen.Table("what", "image", "tags", "rule>", "freed>", "outcome") : Screen.Table("what", "image", "tags", "pushed", "rule>", "billed>", "freed>", "why");
            foreach (var image in images)
            {
                var what = image.Action switch { "EXPIRE" => "expires", "TRANSITION" => "archived", _ => "KEPT" };
                var rule = image.RulePriority?.ToString(CultureInfo.InvariantCulture) ?? "–";
                if (outcome) table.Row(what, Screen.Short(image.Digest), Screen.Tags(image.Tags), rule, Screen.Bytes(image.PhysicalBytes), image.Outcome ?? "–");
                else
                {
                    table.Row(
                        what,
                        Screen.Short(image.Digest),
                        Screen.Tags(image.Tags),
                        image.PushedAt.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture),
                        rule,
                        Screen.Bytes(image.LogicalBytes),
                        Screen.Bytes(image.PhysicalBytes),
                        image.Why);
                }
            }

            console.Write(table);
        }

        console.MarkupLineInterpolated($"Plan {plan.Id} for {plan.Repository}: {plan.Status}");
        console.MarkupLineInterpolated($"  {plan.Images} images; {plan.Expiring} expire, {plan.Transitioning} are archived, {plan.Vetoed} are kept by protection or use.");
        console.MarkupLineInterpolated($"  {Screen.Bytes(plan.LogicalBytes)} less to bill, {Screen.Bytes(plan.PhysicalBytes)} of disk come back ({plan.PhysicalBytes} bytes).");
        if (plan.Receipt is { } receipt)
        {
            console.MarkupLineInterpolated($"  Receipt: {receipt.Done} images done, {receipt.NotDone} kept after all; {receipt.PredictedBytes} bytes predicted, {receipt.FreedBytes} freed so far.");
            if (receipt is { HeldBytes: > 0, HeldUntil: { } until }) console.MarkupLineInterpolated($"  The recycle bin holds {Screen.Bytes(receipt.HeldBytes)} until {until:u}.");
        }
        else if (plan is { Kind: "manual", Status: "COMPLETE" })
        {
            console.MarkupLineInterpolated($"Nothing has changed. To do it, within 24 hours: longshore apply {plan.Id}");
        }
    }
}

using System.CommandLine;
using System.Globalization;
using Longshore.Core.Lifecycle;
using Longshore.Server.Commands.Clients;
using Spectre.Console;

namespace Longshore.Server.Commands.Cleanup;

/// <summary><c>longshore explain IMAGE</c>: which rule decides about an image, and every piece of evidence.</summary>
internal sealed class ExplainCommand : ClientCommand
{
    private readonly Argument<string> image = new("IMAGE") { Description = "REPOSITORY:TAG or REPOSITORY@DIGEST." };
    private readonly Option<string?> policyFile = new("--policy") { HelpName = "FILE", Description = "The policy; - is standard input. Default: the repository's own." };

    /// <summary>Creates the command.</summary>
    public ExplainCommand(TextWriter output, TextWriter error)
        : base("explain", "Explain what a lifecycle policy does with an image, and why. Exit code 1: it goes.", output, error)
    {
        Add(image);
        Add(policyFile);
    }

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var (repository, tag, digest) = Split(parsed.GetRequiredValue(image));
        using var client = Connect(parsed);
        var policy = await PolicySource.ReadAsync(client, repository, parsed.GetValue(policyFile) is { } file ? await ReadTextAsync(file, cancellationToken) : null, cancellationToken);
        var images = (await RepositoryReader.ReadAsync(client, repository, static _ => { }, cancellationToken)).ConvertAll(static read => read.Image);
        var index = images.FindIndex(found => digest is not null ? found.Digest == digest : found.Tags.Contains(tag!));
        if (index < 0) throw new ClientException($"{repository} has no image {digest ?? tag}.");
        var now = TimeProvider.System.GetUtcNow();
        var vetoes = await client.IsLongshoreAsync(cancellationToken) ? await VetoSource.ReadAsync(client, repository, cancellationToken) : [];
        var planned = LifecyclePlanner.Plan(policy, images, found => vetoes.GetValueOrDefault(found.Digest), now)[index];
        var rules = policy.Rules.Select(rule => (Rule: rule, Alone: LifecycleEvaluator.Evaluate(rule, images, now).Decisions[index])).ToList();
        if (IsJson(parsed)) WriteJson(planned, rules, now, vetoes.GetValueOrDefault(planned.Image.Digest));
        else Print(repository, planned, rules, now, vetoes.GetValueOrDefault(planned.Image.Digest));
        return planned.Action is null ? ClientExitCodes.Fine : ClientExitCodes.Findings;
    }

    private static (string Repository, string? Tag, string? Digest) Split(string image)
    {
        var at = image.IndexOf('@', StringComparison.Ordinal);
        if (at > 0) return (image[..at], null, image[(at + 1)..]);
        var colon = image.LastIndexOf(':');
        return colon > image.LastIndexOf('/') && colon > 0 ? (image[..colon], image[(colon + 1)..], null) : throw new ClientException($"'{image}' is no image: give REPOSITORY:TAG or REPOSITORY@DIGEST.");
    }

    private static string Describe(LifecycleDecision alone, LifecycleImage image, DateTimeOffset now) => alone.Reason switch
    {
        LifecycleReason.NoRule => "does not select it",
        LifecycleReason.Activating => "does not select it: it is being restored",
        LifecycleReason.SubjectKept or LifecycleReason.SubjectGoes => "does not select it: it follows its subject",
        _ => LifecycleReasonText.Describe(alone with { ShieldedFrom = null }, image, now),
    };

    private void Print(string repository, PlannedImage planned, List<(LifecycleRule Rule, LifecycleDecision Alone)> rules, DateTimeOffset now, RetentionVeto? veto)
    {
        var (console, image) = (Screen.Over(Output), planned.Image);
        console.MarkupLineInterpolated($"{repository}@{image.Digest}");
        console.MarkupLineInterpolated($"  {planned.Why(now)}");
        console.WriteLine();
        var table = Screen.Table("evidence", "value");
        table.Row("tags", image.Tags.Count == 0 ? "none" : string.Join(", ", image.Tags));
        table.Row("pushed", Time(image.PushedAt));
        table.Row("last pulled", image.LastPulledAt is { } pulled ? Time(pulled) : "never, as far as is recorded");
        table.Row("status", image.Status.ToString().ToUpperInvariant());
        if (image.LastArchivedAt is { } archived) table.Row("last archived", Time(archived));
        if (image.LastActivatedAt is { } restored) table.Row("last restored", Time(restored));
        table.Row("listed by", image.ReferencedBy.Count == 0 ? "no index" : string.Join(", ", image.ReferencedBy));
        table.Row("subject", image.Subject ?? "none");
        table.Row("kept by", veto is null ? "no protection, no workload" : veto.Reason);
        foreach (var (rule, alone) in rules) table.Row($"rule {rule.Priority}{(rule == planned.Decision.Rule ? " (decides)" : "")}", Describe(alone, image, now));
        console.Write(table);

        string Time(DateTimeOffset at) => string.Create(CultureInfo.InvariantCulture, $"{at:u} ({(now - at).TotalDays:0.#} days ago)");
    }

    private void WriteJson(PlannedImage planned, List<(LifecycleRule Rule, LifecycleDecision Alone)> rules, DateTimeOffset now, RetentionVeto? veto) => Screen.Json(Output, writer =>
    {
        var image = planned.Image;
        writer.WriteString("digest", image.Digest);
        writer.WriteStartArray("tags");
        foreach (var tag in image.Tags) writer.WriteStringValue(tag);
        writer.WriteEndArray();
        writer.WriteString("action", planned.Action switch { LifecycleAction.Expire => "EXPIRE", LifecycleAction.Transition => "TRANSITION", _ => "KEEP" });
        writer.WriteString("why", planned.Why(now));
        if (planned.Decision.Rule is { } decided) writer.WriteNumber("rulePriority", decided.Priority);
        writer.WriteString("pushedAt", image.PushedAt);
        if (image.LastPulledAt is { } pulled) writer.WriteString("lastPulledAt", pulled);
        writer.WriteString("status", image.Status.ToString().ToUpperInvariant());
        writer.WriteStartArray("referencedBy");
        foreach (var list in image.ReferencedBy) writer.WriteStringValue(list);
        writer.WriteEndArray();
        if (image.Subject is not null) writer.WriteString("subject", image.Subject);
        if (veto is not null) writer.WriteString("keptBy", veto.Reason);
        writer.WriteStartArray("rules");
        foreach (var (rule, alone) in rules)
        {
            writer.WriteStartObject();
            writer.WriteNumber("rulePriority", rule.Priority);
            writer.WriteString("reason", alone.Reason.ToString());
            writer.WriteString("says", Describe(alone, image, now));
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });
}

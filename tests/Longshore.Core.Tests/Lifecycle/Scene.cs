using System.Text;
using System.Text.Json.Nodes;
using Longshore.Core.Lifecycle;

namespace Longshore.Core.Tests.Lifecycle;

/// <summary>Images and rules in the notation of the specification: <c>A{v1,v2}10</c> is image A with two tags, 10 days old.</summary>
internal sealed class Scene
{
    public static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    private readonly List<LifecycleImage> images = [];
    private readonly JsonArray rules = [];

    public Scene Image(string name, double age, string[]? tags = null, double? pulled = null, double? archived = null, double? restored = null, string[]? listedBy = null, string? subject = null)
    {
        images.Add(new LifecycleImage
        {
            Id = images.Count,
            Digest = name,
            Tags = tags ?? [],
            PushedAt = Now.AddDays(-age),
            LastPulledAt = pulled is { } p ? Now.AddDays(-p) : null,
            Status = archived is not null && restored is null ? ImageStatus.Archived : ImageStatus.Active,
            LastArchivedAt = archived is { } a ? Now.AddDays(-a) : null,
            LastActivatedAt = restored is { } r ? Now.AddDays(-r) : null,
            ReferencedBy = listedBy ?? [],
            Subject = subject,
        });
        return this;
    }

    /// <summary>A rule; <paramref name="tags"/> is untagged, any, or patterns; <paramref name="prefixes"/> instead of patterns.</summary>
    public Scene Rule(int priority, string[]? tags, string count, int number, string action = "expire", bool prefixes = false, string status = "tagged", string? storageClass = null)
    {
        var selection = new JsonObject { ["tagStatus"] = status, ["countType"] = count, ["countNumber"] = number };
        if (count != "imageCountMoreThan") selection["countUnit"] = "days";
        if (tags is not null) selection[prefixes ? "tagPrefixList" : "tagPatternList"] = new JsonArray([.. tags.Select(static t => JsonValue.Create(t))]);
        if (storageClass is not null) selection["storageClass"] = storageClass;
        var act = new JsonObject { ["type"] = action };
        if (action == "transition") act["targetStorageClass"] = "archive";
        rules.Add((JsonNode)new JsonObject { ["rulePriority"] = priority, ["selection"] = selection, ["action"] = act });
        return this;
    }

    public IReadOnlyList<LifecycleImage> Images => images;

    public string Text => new JsonObject { ["rules"] = rules.DeepClone() }.ToJsonString();

    public LifecyclePolicy Policy => LifecyclePolicyParser.TryParse(Text, 0, out var policy, out var faults)
        ? policy
        : throw new InvalidOperationException(LifecyclePolicyFault.ToReason(faults));

    public LifecycleEvaluation Evaluate() => LifecycleEvaluator.Evaluate(Policy, images, Now);

    /// <summary>What goes, as <c>expire A(r1) archive B(r2)</c>, in order of the images.</summary>
    public string Outcome()
    {
        var evaluation = Evaluate();
        var text = new StringBuilder();
        for (var i = 0; i < images.Count; i++)
        {
            if (evaluation.Decisions[i] is not { Action: { } action, Rule: { } rule }) continue;
            text.Append(action == LifecycleAction.Expire ? " expire " : " archive ").Append(images[i].Digest).Append($"(r{rule.Priority})");
        }

        return text.ToString().Trim();
    }

    public LifecycleDecision Of(string name)
    {
        var evaluation = Evaluate();
        return evaluation.Decisions[images.FindIndex(image => image.Digest == name)];
    }
}

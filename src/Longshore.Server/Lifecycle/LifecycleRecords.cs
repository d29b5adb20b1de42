using System.Text;
using System.Text.Json;
using Longshore.Core.Lifecycle;
using Longshore.Server.Content.Events;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Lifecycle;

/// <summary>CloudTrail's <c>PolicyExecutionEvent</c> and <c>DryRunEvent</c> (ECR User Guide, "Logging Amazon ECR actions with CloudTrail").</summary>
internal static class LifecycleRecords
{
    /// <summary>Images in one record; ECR splits there too.</summary>
    private const int ImagesPerRecord = 10;

    /// <summary>Most tags told of an image.</summary>
    private const int MaxTags = 100;

    /// <summary>Most images told of that a run could not remove; the plan has them all.</summary>
    private const int MaxFailures = 100;

    /// <summary>Writes what a run did to images, and which it could not remove.</summary>
    public static async ValueTask InsertExecutionAsync(
        DbSession session, Plan plan, LifecyclePolicy policy, IReadOnlyList<PlanImage> done, IReadOnlyList<PlanImage> failed, DateTimeOffset now)
    {
        foreach (var images in done.Chunk(ImagesPerRecord)) await InsertAsync(session, "PolicyExecutionEvent", plan, policy, images, [], now);
        foreach (var images in failed.Take(MaxFailures).Chunk(ImagesPerRecord)) await InsertAsync(session, "PolicyExecutionEvent", plan, policy, [], images, now);
    }

    /// <summary>Writes what a preview found; the first hundred images, as nothing happened to any.</summary>
    public static async ValueTask InsertDryRunAsync(DbSession session, Plan plan, LifecyclePolicy policy, BuiltPlan built, DateTimeOffset now)
    {
        var acting = built.Images.Where(static image => image.Action is not null).Take(MaxFailures).ToList();
        foreach (var images in acting.Chunk(ImagesPerRecord)) await InsertAsync(session, "DryRunEvent", plan, policy, images, [], now);
        if (acting.Count == 0) await InsertAsync(session, "DryRunEvent", plan, policy, [], [], now);
    }

    private static ValueTask InsertAsync(DbSession session, string name, Plan plan, LifecyclePolicy policy, PlanImage[] done, PlanImage[] failed, DateTimeOffset now)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("eventVersion", "1.11");
            json.WriteStartObject("userIdentity");
            json.WriteString("accountId", plan.Registry.Account);
            json.WriteString("invokedBy", "AWS Internal");
            json.WriteEndObject();
            json.WriteString("eventTime", now.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture));
            json.WriteString("eventSource", "ecr.amazonaws.com");
            json.WriteString("eventName", name);
            json.WriteString("awsRegion", plan.Registry.Region);
            json.WriteString("sourceIPAddress", "AWS Internal");
            json.WriteString("userAgent", "AWS Internal");
            json.WriteString("eventID", Guid.NewGuid().ToString());
            json.WriteBoolean("readOnly", true);
            json.WriteString("eventType", "AwsServiceEvent");
            json.WriteString("recipientAccountId", plan.Registry.Account);
            json.WriteStartObject("serviceEventDetails");
            json.WriteString("repositoryName", plan.Repository.Value);
            WritePolicy(json, plan, policy, now);
            json.WriteStartArray("lifecycleEventImageActions");
            foreach (var image in done) WriteImage(json, image);
            json.WriteEndArray();
            json.WriteStartArray("lifecycleEventFailureDetails");
            foreach (var image in failed) WriteImage(json, image, failure: true);
            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return AuditRows.InsertAsync(session, plan.Registry, name, now, Encoding.UTF8.GetString(stream.ToArray()));
    }

    private static void WritePolicy(Utf8JsonWriter json, Plan plan, LifecyclePolicy policy, DateTimeOffset now)
    {
        json.WriteStartObject("lifecycleEventPolicy");
        json.WriteStartArray("lifecycleEventRules");
        foreach (var rule in policy.Rules)
        {
            json.WriteStartObject();
            json.WriteNumber("rulePriority", rule.Priority);
            json.WriteString("description", rule.Description ?? "");
            json.WriteStartObject("lifecycleEventSelection");
            json.WriteString("tagStatus", rule.Selection.TagStatus.ToString());
            json.WriteStartArray(rule.Selection.Tags.Any(static tag => !tag.IsPrefix) ? "tagPatternList" : "tagPrefixList");
            foreach (var tag in rule.Selection.Tags) json.WriteStringValue(tag.Text);
            json.WriteEndArray();
            json.WriteString("countType", CountTypeOf(rule.Selection.CountType));
            if (rule.Selection.CountType != LifecycleCountType.ImageCountMoreThan) json.WriteString("countUnit", "Days");
            json.WriteNumber("countNumber", rule.Selection.CountNumber);
            json.WriteEndObject();
            json.WriteString("action", rule.Action == LifecycleAction.Expire ? "expire" : "transition");
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNumber("lastEvaluatedAt", now.ToUnixTimeMilliseconds());
        json.WriteNumber("policyVersion", 1);
        json.WriteString("policyId", plan.Id);
        json.WriteEndObject();
    }

    private static string CountTypeOf(LifecycleCountType type) => type switch
    {
        LifecycleCountType.ImageCountMoreThan => "Image count more than",
        LifecycleCountType.SinceImagePushed => "Since image pushed",
        LifecycleCountType.SinceImagePulled => "Since image pulled",
        _ => "Since image transitioned",
    };

    private static void WriteImage(Utf8JsonWriter json, PlanImage image, bool failure = false)
    {
        json.WriteStartObject();
        json.WriteStartObject("lifecycleEventImage");
        json.WriteString("digest", image.Digest.Value);
        json.WriteString("tagStatus", image.Tags.Count > 0 ? "Tagged" : "Untagged");
        json.WriteStartArray("tagList");
        foreach (var tag in image.Tags.Take(MaxTags)) json.WriteStringValue(tag);
        json.WriteEndArray();
        json.WriteNumber("pushedAt", image.PushedAt.ToUnixTimeMilliseconds());
        json.WriteEndObject();
        if (image.RulePriority is { } rule) json.WriteNumber("rulePriority", rule);
        if (failure)
        {
            json.WriteString("failureCode", "ImageReferencedByManifestList");
            json.WriteString("failureReason", $"Requested image referenced by manifest list: {image.Why}");
        }

        json.WriteEndObject();
    }
}

using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Events;

/// <summary>The image that an event tells of.</summary>
/// <param name="Digest">Its digest.</param>
/// <param name="MediaType">Media type of the manifest.</param>
/// <param name="ArtifactType">The manifest's artifactType, else the media type of its configuration; null for a plain index.</param>
/// <param name="IsReferrer">Whether it has a subject: a signature, an SBOM.</param>
internal readonly record struct EventImage(Digest Digest, string MediaType, string? ArtifactType, bool IsReferrer);

/// <summary>
/// Events of images: <c>ECR Image Action</c>, and <c>ECR Referrer Action</c> for manifests with a subject (ecr-behaviour section 7). An event tells of
/// one tag; an image that is pushed or deleted without one has one event without <c>image-tag</c>.
/// </summary>
internal static class ImageEvents
{
    /// <summary>EventBridge's detail-type of images.</summary>
    public const string ImageAction = "ECR Image Action";

    /// <summary>EventBridge's detail-type of manifests with a subject.</summary>
    public const string ReferrerAction = "ECR Referrer Action";

    /// <summary>Our own detail-type: what ECR has no event for.</summary>
    public const string LongshoreAction = "Longshore Image Action";

    /// <summary>An image came, or got tags.</summary>
    /// <param name="session">The transaction of the push.</param>
    /// <param name="repository">Where.</param>
    /// <param name="image">The image.</param>
    /// <param name="tags">The tags that were set; none for a push by digest.</param>
    /// <param name="now">When.</param>
    public static async ValueTask PushedAsync(DbSession session, Repository repository, EventImage image, IReadOnlyList<string> tags, DateTimeOffset now)
    {
        var detail = new Detail(repository, image, "PUSH");
        if (tags.Count == 0) await InsertAsync(session, repository, image, now, detail.WithoutTag());
        foreach (var tag in tags) await InsertAsync(session, repository, image, now, detail.WithTag(tag));
    }

    /// <summary>A tag alone was taken off an image that stays.</summary>
    public static ValueTask TagDeletedAsync(DbSession session, Repository repository, EventImage image, TagName tag, DateTimeOffset now) =>
        InsertAsync(session, repository, image, now, new Detail(repository, image, "DELETE").WithTag(tag.Value));

    /// <summary>An image goes. To be called while its tags are there.</summary>
    public static async ValueTask DeletedAsync(DbSession session, Repository repository, EventImage image, long manifestId, DateTimeOffset now)
    {
        var detail = new Detail(repository, image, "DELETE");
        var (before, after) = detail.AroundTag();
        if (await EventRows.InsertForTagsAsync(session, repository.Registry, TypeOf(image), now, manifestId, before, after) == 0)
            await InsertAsync(session, repository, image, now, detail.WithoutTag());
    }

    /// <summary>An image moved to another storage class.</summary>
    /// <param name="session">The transaction of the change.</param>
    /// <param name="repository">Where.</param>
    /// <param name="image">The image.</param>
    /// <param name="targetStorageClass"><c>ARCHIVE</c> or <c>STANDARD</c>.</param>
    /// <param name="lastActivatedAt">When it was restored; null when it was archived.</param>
    /// <param name="now">When.</param>
    public static ValueTask StorageClassUpdatedAsync(
        DbSession session, Repository repository, EventImage image, string targetStorageClass, DateTimeOffset? lastActivatedAt, DateTimeOffset now)
    {
        var detail = new Detail(repository, image, "UPDATE_STORAGE_CLASS").With("target-storage-class", targetStorageClass);
        if (lastActivatedAt is { } activated)
            detail = detail.With("last-activated-at", activated.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture));
        return InsertAsync(session, repository, image, now, detail.WithoutTag());
    }

    /// <summary>An image came back from the recycle bin with these tags. ECR has no such event, so the detail-type is ours.</summary>
    public static async ValueTask RestoredAsync(DbSession session, Repository repository, EventImage image, IReadOnlyList<string> tags, DateTimeOffset now)
    {
        var detail = new Detail(repository, image, "RESTORE");
        if (tags.Count == 0) await EventRows.InsertAsync(session, repository.Registry, LongshoreAction, [], now, detail.WithoutTag());
        foreach (var tag in tags) await EventRows.InsertAsync(session, repository.Registry, LongshoreAction, [], now, detail.WithTag(tag));
    }

    private static string TypeOf(EventImage image) => image.IsReferrer ? ReferrerAction : ImageAction;

    private static ValueTask InsertAsync(DbSession session, Repository repository, EventImage image, DateTimeOffset now, string detail) =>
        EventRows.InsertAsync(session, repository.Registry, TypeOf(image), [], now, detail);

    /// <summary>The detail of one action. Written by hand: it is on the path of every push, and its shape is fixed.</summary>
    private readonly struct Detail
    {
        private const string TagMember = ",\"image-tag\":\"";
        private readonly string head;
        private readonly string tail;

        public Detail(Repository repository, EventImage image, string action)
        {
            head = $"{{\"result\":\"SUCCESS\",\"repository-name\":\"{repository.Name}\",\"image-digest\":\"{image.Digest}\",\"action-type\":\"{action}\"";
            tail = Member("manifest-media-type", image.MediaType) + (image.ArtifactType is null ? "}" : Member("artifact-media-type", image.ArtifactType) + "}");
        }

        private Detail(string head, string tail)
        {
            this.head = head;
            this.tail = tail;
        }

        public Detail With(string name, string value) => new(head + Member(name, value), tail);

        public string WithoutTag() => head + tail;

        public string WithTag(string tag) => string.Concat(head, TagMember, tag, "\"" + tail);

        public (string Before, string After) AroundTag() => (head + TagMember, "\"" + tail);

        // Relaxed: the '+' of media types stays readable. The text is stored and sent as JSON, never put into a page.
        private static string Member(string name, string value) =>
            $",\"{name}\":\"{Encoding.UTF8.GetString(JsonEncodedText.Encode(value, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).EncodedUtf8Bytes)}\"";
    }
}

using Longshore.Core;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Content.Events;

/// <summary>
/// The outbox: what happened, in EventBridge's terms (ecr-behaviour section 7), written in the transaction of the change. Who delivers or follows
/// reads the rows in order of their ids; they are kept for <see cref="EventExpiryJob.Kept"/>.
/// </summary>
internal static class EventRows
{
    /// <summary>Writes one event.</summary>
    /// <param name="session">The transaction of the change.</param>
    /// <param name="registry">Where it happened: the envelope's account and region.</param>
    /// <param name="detailType">EventBridge's detail-type.</param>
    /// <param name="resources">ARNs; none for image actions.</param>
    /// <param name="now">The envelope's time.</param>
    /// <param name="detail">EventBridge's detail, a JSON object.</param>
    public static async ValueTask InsertAsync(DbSession session, RegistryId registry, string detailType, IReadOnlyList<string> resources, DateTimeOffset now, string detail) =>
        await session.ExecuteAsync(
            """
            INSERT INTO events (account, region, detail_type, resources, occurred_at, detail)
            VALUES (@account, @region, @type, @resources, @now, @detail)
            """,
            ("@account", registry.Account),
            ("@region", registry.Region),
            ("@type", detailType),
            ("@resources", string.Join('\n', resources)),
            ("@now", now.ToDatabase()),
            ("@detail", detail));

    /// <summary>Writes one event for each tag of an image, in byte order; the detail is <paramref name="before"/>, the tag, <paramref name="after"/>. How many.</summary>
    /// <remarks>One statement: an image may have 100,000 tags. A tag holds nothing that JSON escapes.</remarks>
    public static ValueTask<int> InsertForTagsAsync(DbSession session, RegistryId registry, string detailType, DateTimeOffset now, long manifestId, string before, string after) =>
        session.ExecuteAsync(
            """
            INSERT INTO events (account, region, detail_type, resources, occurred_at, detail)
            SELECT @account, @region, @type, '', @now, @before || name || @after FROM tags WHERE manifest_id = @manifest ORDER BY name
            """,
            ("@account", registry.Account),
            ("@region", registry.Region),
            ("@type", detailType),
            ("@now", now.ToDatabase()),
            ("@before", before),
            ("@after", after),
            ("@manifest", manifestId));
}

using System.Globalization;
using System.Text.RegularExpressions;
using Longshore.Core.Oci;
using Longshore.Server.Content;
using Longshore.Server.Content.Archiving;
using Longshore.Server.Hosting.Jobs;
using Longshore.Server.Tests.Content;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Scale;

/// <summary>
/// Every statement that the hot operations send to PostgreSQL, with the plan that it ran by (auto_explain), in a registry of a million images
/// in ten thousand repositories: none reads a large table from end to end. LONGSHORE_PLAN_IMAGES sets another size.
/// </summary>
public sealed partial class QueryPlanTests
{
    private const int Repositories = 10_000;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_hot_query_uses_its_index_at_a_million_images()
    {
        if (!TestDatabases.IsPostgres) throw new SkipTestException("is about PostgreSQL's plans");
        var images = int.Parse(
            Environment.GetEnvironmentVariable("LONGSHORE_PLAN_IMAGES") ?? (Environment.GetEnvironmentVariable("CI") == "true" ? "1000000" : "100000"), CultureInfo.InvariantCulture);
        await using var content = new ContentHarness();
        var url = TestDatabases.UrlOf(content.DataDirectory)!;
        TestPostgres.Execute(url, Fill(images));
        var name = url[(url.LastIndexOf('/') + 1)..];
        // Generic plans are what a busy connection ends with: those must not depend on lucky arguments.
        foreach (var mode in new[] { "force_custom_plan", "force_generic_plan" })
        {
            TestPostgres.Execute(TestPostgres.ServerUrl(url), $"""
                ALTER DATABASE {name} SET session_preload_libraries = 'auto_explain';
                ALTER DATABASE {name} SET auto_explain.log_min_duration = 0;
                ALTER DATABASE {name} SET plan_cache_mode = {mode};
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'
                """);
            var from = TestPostgres.ReadLog().Length;
            for (var i = 0; i < 3; i++) await WorkAsync(content, (mode == "force_generic_plan" ? 40 : 0) + i);
            var plans = Plans().Matches(TestPostgres.ReadLog()[from..]).Select(match => match.Value).ToList();
            Assert.True(plans.Count > 200, $"{plans.Count} plans were logged.");
            // A small table is rightly read whole when a page of images is compared with it; ten per cent of a million images are none.
            var bad = plans.Where(plan => WholeTables().Matches(plan).Any(match => images >= 1_000_000 || match.Groups[1].Value != "archived_images")).ToList();
            Assert.True(bad.Count == 0, $"{mode}: {bad.Count} plans read a whole table:\n{string.Join('\n', bad)}");
            TestContext.Current.TestOutputHelper?.WriteLine($"{mode}: {plans.Count} plans, {images} images");
        }
    }

    private static async Task WorkAsync(ContentHarness content, int serial)
    {
        var name = ContentHarness.Name($"team-{7 + serial}/app-{700 + (100 * serial)}");
        var number = 700 + (100 * serial);
        var digest = ContentHarness.DigestOf(DigestText('m', number));
        var layer = ContentHarness.DigestOf(DigestText('b', number));
        var home = ContentHarness.Home;
        Assert.True((await content.Images.GetAsync(home, name, Reference.Of(ContentHarness.Tag($"v{number}")), Token)).Succeeded);
        Assert.True((await content.Images.GetAsync(home, name, Reference.Of(digest), Token)).Succeeded);
        Assert.False((await content.Images.GetAsync(home, name, Reference.Of(ContentHarness.Tag("absent")), Token)).Succeeded);
        Assert.True((await content.Images.ListTagsAsync(home, name, null, 100, Token)).Succeeded);
        Assert.True((await content.Images.ListTagsAsync(home, name, "v1", 100, Token)).Succeeded);
        foreach (var status in Enum.GetValues<TagStatus>())
        {
            foreach (var choice in Enum.GetValues<StatusChoice>())
            {
                Assert.True((await content.Images.ListAsync(home, name, status, choice, null, 100, Token)).Succeeded);
                Assert.True((await content.Images.ListImageIdsAsync(home, name, status, choice, null, 100, Token)).Succeeded);
            }
        }

        Assert.True((await content.Images.DescribeAsync(home, name, new ImageId(null, ContentHarness.Tag($"v{number}")), Token)).Succeeded);
        Assert.True((await content.Images.ListReferrersAsync(home, name, digest, [], null, 100, Token)).Succeeded);
        Assert.True((await content.Shelf.FindAsync(home, name, layer, Token)).Succeeded);
        Assert.True((await content.Shelf.FindReferencedAsync(home, name, layer, Token)).Succeeded);
        Assert.True((await content.Shelf.FindManyAsync(home, name, [layer], Token)).Succeeded);
        Assert.Equal(100, (await content.Catalog.ListAsync(home, "team-5", 100, Token)).Count);
        content.Pulls.Record(number);
        await content.Pulls.FlushAsync(Token);

        // Push, push again, mount, move a tag, delete by tag and by digest; the bin.
        var image = TestImage.Create(9_000 + serial, 2_000, 3_000);
        await content.PushAsync(name, image, "fresh");
        await content.PushAsync(name, image, "fresh", "second");
        await content.PushAsync(name, TestImage.MultiPlatform(new TestImageOptions { Seed = 9_500 + serial }), "index");
        var target = ContentHarness.Name($"team-{8 + serial}/app-{800 + (100 * serial)}");
        Assert.NotNull((await content.Uploads.MountAsync(home, target, ContentHarness.DigestOf(image.Blobs[0].Digest), name, false, static _ => new(true), Token)).Value);
        Assert.NotNull((await content.Uploads.MountAsync(home, target, ContentHarness.DigestOf(image.Blobs[1].Digest), null, true, static _ => new(true), Token)).Value);
        var upload = (await content.Uploads.StartAsync(home, name, Token)).Value;
        Assert.True((await content.Uploads.AppendAsync(home, name, upload.Id, null, 3, ContentHarness.Body([1, 2, 3]), Token)).Succeeded);
        Assert.True((await content.Uploads.CancelAsync(home, name, upload.Id, Token)).Succeeded);
        Assert.True((await content.Images.RemoveTagAsync(home, name, ContentHarness.Tag("second"), Token)).Succeeded);
        Assert.True((await content.Images.DeleteAsync(home, name, new ImageId(null, ContentHarness.Tag("fresh")), ContentHarness.Caller, Token)).Succeeded);
        Assert.True((await content.Images.DeleteAsync(home, name, new ImageId(digest, null), ContentHarness.Caller, Token)).Succeeded);
        Assert.True((await content.Bin.ListAsync(home, name, null, 100, Token)).Succeeded);

        // The background: jobs, expiry, and a step of collection after leases and grace.
        var jobs = new JobStore(content.Database, content.Time);
        await jobs.TriggerAsync("lifecycle", $"plan-{serial}", Token);
        foreach (var due in await jobs.ListDueAsync("lifecycle", TimeSpan.FromDays(1), 10, Token))
        {
            var claim = await jobs.TryClaimAsync(due, TimeSpan.FromSeconds(30), Token);
            await jobs.RenewAsync(claim!, TimeSpan.FromSeconds(30), Token);
            await jobs.CompleteAsync(claim!, null, Token);
        }

        await jobs.ListLeasesAsync("lifecycle", Token);
        await content.Expiry.RunAsync(Token);
        content.Time.Step(TimeSpan.FromDays(3));
        await content.Collector.EndLinksAsync(Token);
        content.Time.Step(TimeSpan.FromDays(3));
        await content.Collector.FreeAsync(Token);
        await content.Collector.UnlinkAsync(Token);
    }

    // As the database makes them in Fill.
    private static string DigestText(char kind, int number) =>
        "sha256:" + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.ASCII.GetBytes($"{kind}{number}")));

    // Rows as pushes leave them, without the checks of foreign keys: an image has a layer of its own and one that all share.
    private static string Fill(int images) => string.Create(CultureInfo.InvariantCulture, $$"""
        SET session_replication_role = replica;
        SET synchronous_commit = off;
        INSERT INTO repositories (account, region, name, created_at, tag_mutability, mutability_filters, scan_on_push)
            SELECT '123456789012', 'eu-central-1', 'team-' || (i / 100) || '/app-' || i, 0, 'MUTABLE', '', 0 FROM generate_series(1, {{Repositories}}) i;
        INSERT INTO blobs (digest, generation, size, location, state, stored_at)
            SELECT 'sha256:' || encode(sha256(('b' || i)::bytea), 'hex'), i, 1000 + i % 1000, 'sha256/' || i || '.' || i, 0, 0 FROM generate_series(1, {{images}} + 1) i;
        INSERT INTO manifests (repository_id, digest, media_type, subject, size, image_size, pushed_at, last_pulled_at, bytes)
            SELECT 1 + (i - 1) % {{Repositories}}, 'sha256:' || encode(sha256(('m' || i)::bytea), 'hex'), 'application/vnd.oci.image.manifest.v1+json',
                CASE WHEN i % 20 = 0 THEN 'sha256:' || encode(sha256(('m' || (i - 1))::bytea), 'hex') END, 500, 5000, i * 1000, NULL, '\x7b7d' FROM generate_series(1, {{images}}) i;
        INSERT INTO repository_blobs (repository_id, blob_id, linked_at)
            SELECT 1 + (i - 1) % {{Repositories}}, i, 0 FROM generate_series(1, {{images}}) i
            UNION ALL SELECT r, {{images}} + 1, 0 FROM generate_series(1, {{Repositories}}) r;
        INSERT INTO manifest_blobs (manifest_id, blob_id, repository_id)
            SELECT i, b, 1 + (i - 1) % {{Repositories}} FROM generate_series(1, {{images}}) i, LATERAL (VALUES (i), ({{images}} + 1)) AS v (b);
        INSERT INTO tags (repository_id, name, manifest_id, updated_at)
            SELECT 1 + (i - 1) % {{Repositories}}, 'v' || i, i, 0 FROM generate_series(1, {{images}}) i WHERE i % 10 <> 9;
        INSERT INTO archived_images (manifest_id, state, archived_at, moved_at) SELECT i, 1, 0, 0 FROM generate_series(11, {{images}}, 10) i;
        INSERT INTO recycled_images (repository_id, digest, media_type, size, image_size, pushed_at, tags, children, removed_at, removed_by, expires_at, bytes)
            SELECT 1 + (i - 1) % {{Repositories}}, 'sha256:' || encode(sha256(('r' || i)::bytea), 'hex'), 'x/y', 2, 2, 0, '', '', 0, 'lifecycle', 9000000000000000, '\x7b7d' FROM generate_series(1, {{images}} / 10) i;
        INSERT INTO recycled_blobs (image_id, blob_id) SELECT i, i FROM generate_series(1, {{images}} / 10) i;
        INSERT INTO jobs (kind, name, due_at, attempts) SELECT 'lifecycle', 'r' || i, 9000000000000000 + i, 0 FROM generate_series(1, {{Repositories}}) i;
        INSERT INTO events (account, region, detail_type, resources, occurred_at, detail)
            SELECT '123456789012', 'eu-central-1', 'ECR Image Action', '', 9000000000000000, '{}' FROM generate_series(1, {{images}} / 10) i;
        INSERT INTO uploads (id, repository_id, received, version, part_state, started_at, expires_at)
            SELECT 'u' || i, 1 + i % {{Repositories}}, 0, 0, 0, 0, 9000000000000000 FROM generate_series(1, 20000) i;
        ANALYZE;
        """);

    [GeneratedRegex(@"duration: [0-9.]+ ms  plan:\n(?:\t[^\n]*\n?)+")]
    private static partial Regex Plans();

    [GeneratedRegex(@"Seq Scan on (repositories|blobs|manifests|repository_blobs|manifest_blobs|tags|archived_images|recycled_images|recycled_blobs|events|uploads|jobs)\b")]
    private static partial Regex WholeTables();
}

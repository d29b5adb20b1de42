using Longshore.Core;
using Longshore.Server.Content;
using Longshore.Server.Tests.Content;
using Longshore.Server.Tests.TestSupport;
using Longshore.Server.Verification;
using Longshore.Storage.Blobs;
using Longshore.Storage.Metadata;
using Longshore.TestSupport.Oci;
using static Longshore.Server.Tests.Content.ContentHarness;

namespace Longshore.Server.Tests.Verification;

public sealed class RegistryVerifierTests : IAsyncLifetime
{
    private static readonly TestManifest Image = TestImage.Create(1, 5000, 6000);

    private readonly ContentHarness content = new();
    private RepositoryName name;
    private BlobInfo layer = null!;

    public async ValueTask InitializeAsync()
    {
        name = await content.CreateAsync("images");
        await content.PushAsync(name, Image, "it");
        await content.PushAsync(name, TestImage.MultiPlatform(new TestImageOptions { Seed = 9, LayerSizes = [10] }), "index");
        await content.PushAsync(name, TestBlob.Random(5, 100, algorithm: Longshore.TestSupport.Oci.DigestAlgorithm.Sha512));
        layer = (await content.Shelf.FindAsync(Home, name, DigestOf(Image.Blobs[1].Digest), Token)).Value;
    }

    public ValueTask DisposeAsync() => content.DisposeAsync();

    [Fact]
    public async Task A_sound_registry_has_no_findings()
    {
        var (summary, findings) = await VerifyAsync(repair: false);
        Assert.Empty(findings);
        Assert.Equal(4, summary.Manifests);
        Assert.Equal(await content.CountAsync("blobs"), summary.Bodies);
        Assert.Equal(summary.Bodies, summary.StoredBodies);
    }

    [Theory]
    [InlineData("flip", FindingKind.BodyDamaged)]
    [InlineData("truncate", FindingKind.BodySizeWrong)]
    [InlineData("grow", FindingKind.BodySizeWrong)]
    [InlineData("delete", FindingKind.BodyMissing)]
    public async Task Damage_is_named_repaired_and_healed_by_a_push(string damage, object kind)
    {
        await TestStores.DamageAsync(content.DataDirectory, layer.Location, damage);
        foreach (var repair in new[] { false, false, true })
        {
            var finding = (await VerifyAsync(repair)).Findings[0];
            Assert.Equal((FindingKind)kind, finding.Kind);
            Assert.Equal(layer.Digest.Value, finding.Subject);
            Assert.Equal([$"{Home.Account}/{Home.Region}/images@{Image.Digest}"], finding.Images);
            Assert.Equal(repair, finding.Repaired is not null);
        }

        Assert.Equal(damage == "delete" ? 0 : 1, await TestStores.QuarantinedAsync(content.DataDirectory));
        Assert.False((await content.Shelf.FindAsync(Home, name, layer.Digest, Token)).Succeeded);
        var still = Assert.Single((await VerifyAsync(repair: true)).Findings);
        Assert.Equal(FindingKind.ReferenceMissing, still.Kind);

        content.Time.Step(TimeSpan.FromSeconds(1));
        await content.PushAsync(name, Image.Blobs[1]);
        Assert.Empty((await VerifyAsync(repair: false)).Findings);
        Assert.Equal(Image.Blobs[1].Content, await ReadAsync());
    }

    [Fact]
    public async Task A_body_that_the_disk_cannot_read_is_named_and_the_others_are_still_looked_at()
    {
        var (summary, findings) = await VerifyAsync(repair: true, new BadSectorStore(content.Store, layer.Location));
        Assert.Equal(FindingKind.BodyDamaged, findings[0].Kind);
        Assert.Contains("Input/output error", findings[0].Message, StringComparison.Ordinal);
        Assert.Equal(await content.CountAsync("blobs"), summary.Bodies);
        Assert.Equal(1, await TestStores.QuarantinedAsync(content.DataDirectory));
    }

    [Fact]
    public async Task Bodies_that_were_out_of_reach_during_a_repair_are_never_removed_and_serve_again()
    {
        // The disk of the bodies was not there, and somebody repaired.
        var away = content.BlobDirectory + ".away";
        Directory.Move(Path.Combine(content.BlobDirectory, "sha256"), away);
        Directory.CreateDirectory(Path.Combine(content.BlobDirectory, "sha256"));
        await VerifyAsync(repair: true);
        Directory.Delete(Path.Combine(content.BlobDirectory, "sha256"), recursive: true);
        Directory.Move(away, Path.Combine(content.BlobDirectory, "sha256"));

        var bodies = content.Bodies().Length;
        var (_, findings) = await VerifyAsync(repair: true);
        Assert.All(findings, f => Assert.Equal(FindingKind.BodyReturned, f.Kind));
        Assert.Equal(bodies, content.Bodies().Length);
        Assert.Empty((await VerifyAsync(repair: false)).Findings);
        Assert.Equal(Image.Blobs[1].Content, await ReadAsync());
    }

    [Fact]
    public async Task A_damaged_body_that_a_cut_repair_did_not_set_aside_is_set_aside_by_the_next()
    {
        await TestStores.DamageAsync(content.DataDirectory, layer.Location, "flip");
        await content.Database.WriteAsync(Durability.Synced, s => s.ExecuteAsync("UPDATE blobs SET state = 2 WHERE digest = @d", ("@d", layer.Digest.Value)), Token);
        var (_, findings) = await VerifyAsync(repair: true);
        Assert.Equal(FindingKind.BodyDamaged, findings[0].Kind);
        Assert.Equal(1, await TestStores.QuarantinedAsync(content.DataDirectory));
    }

    [Fact]
    public async Task Orphans_are_harmless_and_go_with_repair_alone()
    {
        foreach (var key in (string[])["left-over", "left-over-2"])
        {
            await using var writer = await content.Store.OpenUploadAsync(key, 0, null, Token);
            await writer.WriteAsync(new(new byte[10]), Token);
            await writer.CompleteAsync(Token);
        }

        var location = await content.Store.PublishAsync("left-over", Digest.Compute(new byte[10], Core.DigestAlgorithm.Sha256), 1, Token);
        // Young ones may belong to a push beside a verification that only reads.
        content.SetTime(location, content.Time.GetUtcNow());
        content.SetTime("uploads/left-over-2", content.Time.GetUtcNow());
        Assert.Empty((await VerifyAsync(repair: false)).Findings);
        content.Time.Step(TimeSpan.FromHours(2));
        foreach (var repair in new[] { false, true })
        {
            var (summary, findings) = await VerifyAsync(repair);
            Assert.Equal([FindingKind.OrphanBody, FindingKind.OrphanUpload], findings.Select(f => f.Kind));
            Assert.Equal(2, summary.Harmless);
        }

        Assert.Empty((await VerifyAsync(repair: true)).Findings);
        Assert.Empty(content.UploadFiles());
    }

    [Fact]
    public async Task A_manifest_whose_bytes_or_links_changed_is_named()
    {
        await content.Database.WriteAsync(
            Durability.Synced,
            async s =>
            {
                await s.ExecuteAsync("UPDATE manifests SET bytes = @b WHERE digest = @d", ("@b", "{}"u8.ToArray()), ("@d", Image.Digest));
                return await s.ExecuteAsync("DELETE FROM manifest_children WHERE child_id = (SELECT MIN(child_id) FROM manifest_children)");
            },
            Token);
        var (_, findings) = await VerifyAsync(repair: true);
        Assert.Equal([FindingKind.ManifestDamaged, FindingKind.ReferenceMissing], findings.Select(f => f.Kind));
        Assert.All(findings, f => Assert.Null(f.Repaired));
    }

    private async Task<byte[]> ReadAsync()
    {
        var blob = (await content.Shelf.FindAsync(Home, name, layer.Digest, Token)).Value;
        return await TestStores.ReadAsync(content.DataDirectory, blob.Location);
    }

    private async Task<(VerifySummary Summary, List<Finding> Findings)> VerifyAsync(bool repair, IBlobStore? store = null)
    {
        var findings = new List<Finding>();
        var summary = await new RegistryVerifier(content.Database, store ?? content.Store, content.Time, repair, findings.Add, _ => { }).RunAsync(Token);
        Assert.Equal(findings.Count, summary.Findings);
        return (summary, findings);
    }
}

using System.Net;
using Longshore.Server.Tests.Faults;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Oci;

namespace Longshore.Server.Tests.Cluster;

/// <summary>
/// Servers of an older version and of this one on one database: <c>eng/rolling-upgrade</c>, which builds the older one and names it in
/// <c>LONGSHORE_OLD_BINARY</c>.
/// </summary>
[Collection(StressCollection.Name)]
public sealed class RollingUpgradeTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Explicit = true)]
    public async Task Servers_of_an_older_version_are_replaced_one_by_one_and_both_serve_meanwhile()
    {
        var old = Environment.GetEnvironmentVariable("LONGSHORE_OLD_BINARY") ?? throw new InvalidOperationException("LONGSHORE_OLD_BINARY names no binary: run eng/rolling-upgrade.");
        await using var cluster = await LiveCluster.StartAsync([old, old], TimeSpan.FromSeconds(30), Token);
        using var client = cluster.NewOci();
        var before = TestImage.Create(1, 5000);
        await client.PushImageAsync("upgraded/before", before, "it", Token);
        var (sent, failed) = await ClusterDrainTests.LoadAsync(cluster, async () =>
        {
            // A new one joins: it brings the schema up to date under the old ones.
            var joined = await cluster.JoinAsync(Token);
            using var atNew = cluster.NewOci(joined.BaseAddress);
            using var atOld = cluster.NewOci(cluster.Servers[0].BaseAddress);
            await atNew.VerifyImageAsync("upgraded/before", before, "it", Token);
            // An upload that begins at one version and ends at the other, both ways.
            foreach (var (first, second) in new[] { (atOld, atNew), (atNew, atOld) })
            {
                var blob = TestBlob.Random(first == atOld ? 1 : 2, 300_000);
                var upload = await first.StartUploadAsync("upgraded/before", Token);
                Assert.Equal(HttpStatusCode.Accepted, (await first.PatchChunkAsync(upload, 0, blob.Content[..100_000], Token)).Status);
                var there = new Uri(second == atNew ? joined.BaseAddress : cluster.Servers[0].BaseAddress, upload.PathAndQuery);
                Assert.Equal(HttpStatusCode.Accepted, (await second.PatchChunkAsync(there, 100_000, blob.Content[100_000..], Token)).Status);
                Assert.Equal(HttpStatusCode.Created, (await second.FinishUploadAsync(there, blob.Digest, Token)).Status);
                LiveRegistry.Same(blob.Content, (await first.GetBlobAsync("upgraded/before", blob.Digest, Token)).Body);
            }

            foreach (var server in cluster.Servers.Take(2))
            {
                using var probe = new HttpClient();
                Assert.Equal(HttpStatusCode.OK, (await probe.GetAsync(new Uri(server.BaseAddress, "readyz"), Token)).StatusCode);
            }
        });
        Assert.True(failed.Count == 0, string.Join('\n', failed.Take(5)));

        // The old ones go, without a word to the balancer: clients that try again notice nothing.
        foreach (var server in cluster.Servers.Take(2).ToList()) await server.StopAsync(Token);
        using var last = cluster.NewOci(cluster.Servers[2].BaseAddress);
        await last.VerifyImageAsync("upgraded/before", before, "it", Token);
        await cluster.VerifyAsync(Token);
        // An older version that knows the rule is told by a schema that it cannot work on, one that does not by any newer one.
        TestPostgres.Execute(cluster.Database, "INSERT INTO schema_migrations (number, name, oldest) VALUES (9999, 'future', 9999)");
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => cluster.Servers[0].RestartAsync(samePort: true, Token));
        Assert.Contains("The database has schema 9999; this version of Longshore knows up to", refused.Message, StringComparison.Ordinal);
        Console.WriteLine($"{sent} requests to servers of two versions, none failed. An older server then says: {refused.Message.Split('\n').First(line => line.Contains("9999", StringComparison.Ordinal))}");
    }
}

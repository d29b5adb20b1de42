using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Longshore.Storage.Metadata;

namespace Longshore.Generator;

/// <summary>
/// Writes the rows that pushes of images leave behind. Of ten images one is a manifest list of the two before it and has no body of its own; of
/// twenty one is a signature whose subject is the image before it. The others have a layer and a configuration of their own and two layers of 200
/// that all share. One in ten has no tag.
/// </summary>
internal sealed class Registry(IDatabase database, Plan plan, string? bodies)
{
    private const string Account = "123456789012";
    private const string Region = "us-east-1";
    private const string ManifestType = "application/vnd.oci.image.manifest.v1+json";
    private const string IndexType = "application/vnd.oci.image.index.v1+json";
    private const string ConfigType = "application/vnd.oci.image.config.v1+json";
    private const string LayerType = "application/vnd.oci.image.layer.v1.tar+gzip";
    private const string SignatureType = "application/vnd.dev.cosign.artifact.sig.v1+json";
    private const int Shared = 200;
    private const int Batch = 10_000;

    /// <summary>Tables whose ids the database gives, and must give on from the last one written here.</summary>
    private static readonly string[] Numbered = ["repositories", "blobs", "manifests"];

    private readonly BulkRows repositories = new("repositories", "id", "account", "region", "name", "created_at", "tag_mutability", "mutability_filters", "scan_on_push");
    private readonly BulkRows blobs = new("blobs", "id", "digest", "generation", "size", "location", "state", "stored_at");
    private readonly BulkRows links = new("repository_blobs", "repository_id", "blob_id", "linked_at");
    private readonly BulkRows manifests = new("manifests", "id", "repository_id", "digest", "media_type", "artifact_type", "subject", "annotations", "size", "image_size", "pushed_at", "bytes");
    private readonly BulkRows manifestBlobs = new("manifest_blobs", "manifest_id", "blob_id", "repository_id");
    private readonly BulkRows children = new("manifest_children", "manifest_id", "child_id");
    private readonly BulkRows tags = new("tags", "repository_id", "name", "manifest_id", "updated_at");

    private readonly Body[] shared = new Body[Shared];
    private readonly List<HashSet<long>> linked = [];
    private readonly Dictionary<(int Repository, int Index), Image> recent = [];
    private Body empty;
    private long nextBlob = 1;

    private readonly record struct Body(long Id, string Digest, long Size, string Location);

    private readonly record struct Image(long Id, string Digest, long Size, long ImageSize);

    /// <summary>Writes everything; each line of the answer is a sample, as JSON.</summary>
    public async Task<List<string>> WriteAsync(CancellationToken cancellationToken)
    {
        var samples = new List<string>(plan.Samples);
        await InTurnAsync(Common, cancellationToken);
        for (var from = 0; from < plan.Total; from += Batch)
        {
            var (first, end) = (from, Math.Min(plan.Total, from + Batch));
            await InTurnAsync(
                () =>
                {
                    for (var push = first; push < end; push++)
                    {
                        if (Push(push, plan.IsSample(push)) is { } line) samples.Add(line);
                    }
                },
                cancellationToken);
        }

        return samples;
    }

    /// <summary>Rows written, by table.</summary>
    public IReadOnlyDictionary<string, long> Counts => new Dictionary<string, long>(StringComparer.Ordinal)
    {
        ["repositories"] = repositories.Count,
        ["blobs"] = blobs.Count,
        ["repository_blobs"] = links.Count,
        ["manifests"] = manifests.Count,
        ["manifest_blobs"] = manifestBlobs.Count,
        ["manifest_children"] = children.Count,
        ["tags"] = tags.Count,
    };

    private async Task InTurnAsync(Action fill, CancellationToken cancellationToken)
    {
        fill();
        await database.WriteAsync(
            Durability.Relaxed,
            async session =>
            {
                if (database.IsShared)
                {
                    // The rows are right by construction; a look at each foreign key would take longer than the rows.
                    await session.ExecuteAsync("SET LOCAL session_replication_role = replica");
                }

                foreach (var rows in new[] { repositories, blobs, links, manifests, manifestBlobs, children, tags }) await rows.FlushAsync(session);
                if (database.IsShared)
                {
                    foreach (var table in Numbered)
                        await session.ExecuteAsync($"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT MAX(id) FROM {table}))");
                }

                return true;
            },
            cancellationToken);
    }

    private void Common()
    {
        for (var i = 0; i < Shared; i++) shared[i] = NewBody(FormattableString.Invariant($"shared {i}"), 20_000_000 + (i * 100_000), plan.PushedAt(0));
        empty = NewBody("{}", 2, plan.PushedAt(0));
        for (var r = 0; r <= (plan.Wide > 0 ? plan.Repositories : plan.Repositories - 1); r++)
        {
            repositories.Add((long)r + 1, Account, Region, plan.NameOf(r), plan.PushedAt(0), "MUTABLE", "", 0L);
            linked.Add([]);
        }
    }

    /// <summary>One image; the sample's line when it is one.</summary>
    private string? Push(int push, bool sampled)
    {
        var (repository, index) = plan.Place(push);
        var (row, at) = ((long)repository + 1, plan.PushedAt(push));
        var id = (long)push + 1;
        var key = FormattableString.Invariant($"{repository}.{index}");
        byte[] bytes;
        string type = ManifestType;
        string? artifact = ConfigType, subject = null, annotations = null;
        long imageSize;
        Body[] named = [];
        if (index % 10 == 9)
        {
            var (left, right) = (recent[(repository, index - 1)], recent[(repository, index - 2)]);
            (type, artifact) = (IndexType, null);
            bytes = Encoding.UTF8.GetBytes(
                $$$"""{"schemaVersion":2,"mediaType":"{{{IndexType}}}","manifests":[{{{Child(left, "amd64")}}},{{{Child(right, "arm64")}}}],"annotations":{"made":"{{{key}}}"}}""");
            imageSize = left.ImageSize + right.ImageSize;
            children.Add(id, left.Id);
            children.Add(id, right.Id);
        }
        else if (index % 20 == 15)
        {
            var of = recent[(repository, index - 1)];
            named = [empty, NewBody("signature " + key, 250, at)];
            (artifact, subject) = (SignatureType, of.Digest);
            annotations = $$"""{"made":"{{key}}"}""";
            bytes = Manifest(named, SignatureType, $$$""","subject":{"mediaType":"{{{ManifestType}}}","digest":"{{{of.Digest}}}","size":{{{of.Size.ToString(CultureInfo.InvariantCulture)}}}},"annotations":{"made":"{{{key}}}"}""");
            imageSize = named[1].Size;
        }
        else
        {
            named = [NewBody("configuration " + key, 3_000 + (index % 1000), at), shared[repository % Shared], shared[(repository + 1 + (index % 7)) % Shared], NewBody("layer " + key, 500_000 + (index % 1000), at)];
            bytes = Manifest(named, null, "");
            imageSize = named[1].Size + named[2].Size + named[3].Size;
        }

        var digest = DigestOf(bytes);
        var image = new Image(id, digest, bytes.Length, imageSize);
        recent[(repository, index)] = image;
        recent.Remove((repository, index - 2));
        manifests.Add(id, row, digest, type, artifact, subject, annotations, (long)bytes.Length, imageSize, at, bytes);
        foreach (var body in named)
        {
            manifestBlobs.Add(id, body.Id, row);
            // Only bodies that come again can be linked already.
            if ((body.Id > Shared + 1) || linked[repository].Add(body.Id)) links.Add(row, body.Id, at);
        }

        var tag = subject is null && index % 10 != 7 ? FormattableString.Invariant($"v{index / 100}.{index % 100}.0") : null;
        if (tag is not null) tags.Add(row, tag, id, at);
        if (!sampled) return null;
        foreach (var body in named) Keep(body);
        return JsonSerializer.Serialize(new
        {
            repository = plan.NameOf(repository),
            digest,
            tag,
            type,
            manifest = Encoding.UTF8.GetString(bytes),
            subject = subject ?? (index % 20 == 14 ? digest : null),
            blob = named.Length > 0 ? named[^1].Digest : null,
        });
    }

    private static string Child(Image image, string architecture) =>
        $$$"""{"mediaType":"{{{ManifestType}}}","digest":"{{{image.Digest}}}","size":{{{image.Size.ToString(CultureInfo.InvariantCulture)}}},"platform":{"os":"linux","architecture":"{{{architecture}}}"}}""";

    private static byte[] Manifest(Body[] bodies, string? artifactType, string rest)
    {
        var text = new StringBuilder(1024).Append($$"""{"schemaVersion":2,"mediaType":"{{ManifestType}}",""");
        if (artifactType is not null) text.Append($"\"artifactType\":\"{artifactType}\",");
        text.Append("\"config\":").Append(Descriptor(bodies[0], artifactType is null ? ConfigType : "application/vnd.oci.empty.v1+json")).Append(",\"layers\":[");
        for (var i = 1; i < bodies.Length; i++) text.Append(i == 1 ? "" : ",").Append(Descriptor(bodies[i], LayerType));
        return Encoding.UTF8.GetBytes(text.Append(']').Append(rest).Append('}').ToString());
    }

    private static string Descriptor(Body body, string type) =>
        $$"""{"mediaType":"{{type}}","digest":"{{body.Digest}}","size":{{body.Size.ToString(CultureInfo.InvariantCulture)}}}""";

    private Body NewBody(string text, long size, long at)
    {
        var digest = DigestOf(Encoding.UTF8.GetBytes(text));
        var body = new Body(nextBlob++, digest, size, $"sha256/{digest.AsSpan(7, 2)}/{digest.AsSpan(7)}.1");
        blobs.Add(body.Id, digest, 1L, size, body.Location, 0L, at);
        return body;
    }

    /// <summary>A file of the right size, without blocks: what is asked for its size must be there, and nobody hashes it.</summary>
    private void Keep(Body body)
    {
        if (bodies is null) return;
        var path = Path.Combine(bodies, body.Location);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var file = new FileStream(path, FileMode.OpenOrCreate);
        file.SetLength(body.Size);
    }

    private static string DigestOf(byte[] bytes) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(bytes));
}

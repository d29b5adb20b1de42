using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Core.Oci;
using Longshore.Server.Commands.Clients;
using Longshore.Server.Management.Images;

namespace Longshore.Server.Commands.Importing;

/// <summary>
/// Copies repositories: 1. the repository and its settings, 2. images, each with what it refers to before it and what refers to it behind it, 3. push and
/// pull times, 4. policies, last, so that they meet the true ages. What the target has already is passed over, so an import goes on where it ended.
/// </summary>
internal sealed class Importer(ImportSource source, DistributionClient target, RegistryClient api, ImportOptions options, Pacer pacer, ImportCounts counts, Action<string> progress)
{
    private const int MaxNamed = 1000;
    private const int MostKnownBlobs = 200_000;
    private const int Tries = 4;
    private const int MostUnreachable = 10;
    private static readonly string[] CompanionSuffixes = ["", ".sig", ".att", ".sbom"];

    // How often one after the other nobody answered, after all tries.
    private int unreachable;

    // Where the target has a blob: to mount it from there.
    private readonly ConcurrentDictionary<string, string> known = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Lazy<Task>> sending = new(StringComparer.Ordinal);

    /// <summary>Copies what the options name.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var any = false;
        await foreach (var repository in source.RepositoriesAsync(options.Pattern, cancellationToken))
        {
            any = true;
            // It becomes part of addresses at the target.
            if (!RepositoryName.IsValid(repository))
            {
                Fail(repository, "it is no name that a repository can have at the target.");
                continue;
            }

            progress(repository);
            try
            {
                await ImportAsync(repository, cancellationToken);
            }
            catch (Exception e) when (IsOfOne(e) && !IsTheEnd(e))
            {
                Fail(repository, e.Message);
            }
        }

        if (!any && options.Pattern != "*") throw new ClientException($"{source.Registry.Address.Authority} has no repository that matches '{options.Pattern}'.");
    }

    /// <summary>What makes one image or repository fail, while the others go on.</summary>
    private static bool IsOfOne(Exception e) => e is ClientException or HttpRequestException or IOException or JsonException;

    private async Task ImportAsync(string repository, CancellationToken cancellationToken)
    {
        if (!options.DryRun) await CreateAsync(repository, cancellationToken);
        var (copied, failed) = (new Copied(), Interlocked.Read(ref counts.Failed));
        await EachAsync(repository, image => CopyImageAsync(repository, image, copied, cancellationToken), cancellationToken);
        Interlocked.Increment(ref counts.Repositories);
        if (options.DryRun) return;
        if (source.Ecr is not null)
        {
            await EachAsync(repository, image => SetTimesAsync(repository, image, copied, cancellationToken), cancellationToken);
            var archived = await source.CountArchivedAsync(repository, cancellationToken);
            Interlocked.Add(ref counts.Archived, archived);
        }

        await EachAsync(repository, image => CompareAsync(repository, image, cancellationToken), cancellationToken);
        if (source.Ecr is not null) await CopyPoliciesAsync(source.Ecr, repository, complete: Interlocked.Read(ref counts.Failed) == failed, cancellationToken);
    }

    /// <summary>Whether so much failed for want of an answer that the rest would too: each takes minutes.</summary>
    private bool IsTheEnd(Exception e) => e is ClientException { Code: ClientException.Unreachable } && Volatile.Read(ref unreachable) >= MostUnreachable;

    private Task EachAsync(string repository, Func<SourceImage, Task> work, CancellationToken cancellationToken) => Parallel.ForEachAsync(
        source.ImagesAsync(repository, cancellationToken),
        new ParallelOptions { MaxDegreeOfParallelism = options.Parallel, CancellationToken = cancellationToken },
        async (image, _) =>
        {
            try
            {
                Check(image);
                await work(image);
                Volatile.Write(ref unreachable, 0);
            }
            catch (Exception e) when (IsOfOne(e))
            {
                if (e is ClientException { Code: ClientException.Unreachable }) Interlocked.Increment(ref unreachable);
                else Volatile.Write(ref unreachable, 0);
                if (IsTheEnd(e)) throw;
                Fail($"{repository}:{(image.Tags.Count > 0 ? image.Tags[0] : image.Digest)}", e.Message);
            }
        });

    /// <summary>What becomes part of addresses at the target.</summary>
    private static void Check(SourceImage image)
    {
        if (image.Tags.Any(static tag => !TagName.TryParse(tag, out _))) throw new ClientException("it is no name that a tag can have.");
        if (image.Digest is { } digest && !Digest.TryParse(digest, out _)) throw new ClientException("its digest is none.");
    }

    private IReadOnlyList<string> Wanted(SourceImage image) =>
        options.Tags.Count == 0 ? image.Tags : [.. image.Tags.Where(tag => options.Tags.Any(pattern => Wildcard.Matches(pattern, tag)))];

    private async Task CopyImageAsync(string repository, SourceImage image, Copied copied, CancellationToken cancellationToken)
    {
        var tags = Wanted(image);
        if (tags.Count == 0 && !(options.AllImages && image.Tags.Count == 0)) return;
        var digest = image.Digest ?? await source.Registry.FindDigestAsync(repository, image.Tags[0], cancellationToken) ?? throw new ClientException("it is gone at the source.");
        await CopyManifestAsync(repository, digest, copied, cancellationToken);
        if (options.Tags.Count > 0) await CopyCompanionsAsync(repository, digest, copied, cancellationToken);
        await CopyTagsAsync(repository, digest, tags, cancellationToken);
    }

    /// <summary>
    /// What refers to an image by a tag made of its digest: cosign's signatures, attestations and SBOMs, and the referrers tag of registries without the
    /// referrers API (OCI Distribution 1.1, "Referrers Tag Schema"). They match none of the patterns that somebody gives.
    /// </summary>
    private async Task CopyCompanionsAsync(string repository, string digest, Copied copied, CancellationToken cancellationToken)
    {
        foreach (var suffix in CompanionSuffixes)
        {
            var tag = digest.Replace(':', '-') + suffix;
            if (await source.Registry.FindDigestAsync(repository, tag, cancellationToken) is not { } companion) continue;
            await CopyManifestAsync(repository, companion, copied, cancellationToken);
            await CopyTagsAsync(repository, companion, [tag], cancellationToken);
        }
    }

    private async Task CopyTagsAsync(string repository, string digest, IReadOnlyList<string> tags, CancellationToken cancellationToken)
    {
        if (options.DryRun) return;
        FetchedManifest? manifest = null;
        foreach (var tag in tags)
        {
            if (await target.FindDigestAsync(repository, tag, cancellationToken) == digest)
            {
                Interlocked.Increment(ref counts.Unchanged);
                continue;
            }

            manifest ??= await FetchAsync(repository, digest, cancellationToken);
            await target.PutManifestAsync(repository, manifest, tag, cancellationToken);
        }
    }

    /// <summary>Copies a manifest with what it refers to; then what refers to any of these.</summary>
    private async Task CopyManifestAsync(string repository, string digest, Copied copied, CancellationToken cancellationToken)
    {
        foreach (var part in await CopyContentOnceAsync(repository, digest, copied, cancellationToken))
        {
            if (!copied.Followed.TryAdd(part, true)) continue;
            await foreach (var referrer in source.Registry.ReferrersAsync(repository, part, cancellationToken)) await CopyManifestAsync(repository, referrer, copied, cancellationToken);
        }
    }

    /// <summary>
    /// One copy at a time, however many tags and indexes name it; who comes later waits for it. Waits only go from an index to what it lists, never to
    /// referrers, so that nobody waits for himself.
    /// </summary>
    /// <returns>Its digest, and those of all that it lists.</returns>
    private Task<IReadOnlyList<string>> CopyContentOnceAsync(string repository, string digest, Copied copied, CancellationToken cancellationToken) =>
        copied.Contents.GetOrAdd(digest, _ => new Lazy<Task<IReadOnlyList<string>>>(() => CopyContentAsync(repository, digest, copied, cancellationToken))).Value;

    private async Task<IReadOnlyList<string>> CopyContentAsync(string repository, string digest, Copied copied, CancellationToken cancellationToken)
    {
        var type = options.DryRun ? null : await target.FindTypeAsync(repository, digest, cancellationToken);
        if (type is not null) Interlocked.Increment(ref counts.Unchanged);
        if (type is not null && !type.Contains("index", StringComparison.Ordinal) && !type.Contains("list", StringComparison.Ordinal)) return [digest];
        var manifest = await FetchAsync(repository, digest, cancellationToken);
        if (!ManifestDocument.Parse(manifest.Bytes, manifest.MediaType.Length > 0 ? manifest.MediaType : null).TryGet(out var document, out var error)) throw new ClientException(error.Message);
        var parts = new List<string> { digest };
        foreach (var child in document.Children) parts.AddRange(await CopyContentOnceAsync(repository, child.Digest.Value, copied, cancellationToken));
        if (manifest.MediaType.Length == 0) manifest = manifest with { MediaType = document.MediaType };
        if (type is not null) return parts;
        foreach (var blob in document.BlobReferences)
            if (!blob.IsForeign) await SendOnceAsync(repository, blob.Digest.Value, blob.Size, cancellationToken);
        if (!options.DryRun) await target.PutManifestAsync(repository, manifest, null, cancellationToken);
        Interlocked.Increment(ref counts.Images);
        return parts;
    }

    /// <summary>One transfer of a blob at a time, however many images name it.</summary>
    private async Task SendOnceAsync(string repository, string digest, long size, CancellationToken cancellationToken)
    {
        var key = options.DryRun ? digest : $"{repository} {digest}";
        var task = sending.GetOrAdd(key, _ => new Lazy<Task>(() => SendAsync(repository, digest, size, cancellationToken)));
        try
        {
            await task.Value;
        }
        finally
        {
            if (!options.DryRun) sending.TryRemove(key, out _);
        }
    }

    private async Task SendAsync(string repository, string digest, long size, CancellationToken cancellationToken)
    {
        if (await target.HasBlobAsync(repository, digest, cancellationToken))
        {
            Know(digest, repository);
            Interlocked.Increment(ref counts.There);
            return;
        }

        if (options.DryRun)
        {
            Interlocked.Increment(ref counts.Blobs);
            Interlocked.Add(ref counts.BlobBytes, size);
            return;
        }

        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var from = known.TryGetValue(digest, out var other) && other != repository ? other : null;
                if (await target.BeginUploadAsync(repository, digest, from, cancellationToken) is not { } upload)
                {
                    Interlocked.Increment(ref counts.Mounted);
                    return;
                }

                await using var bytes = new BlobStream(source.Registry, repository, digest, size, pacer);
                await target.PutBlobAsync(repository, upload, digest, bytes, size, cancellationToken);
                Know(digest, repository);
                Interlocked.Increment(ref counts.Blobs);
                Interlocked.Add(ref counts.BlobBytes, size);
                return;
            }
            catch (Exception e) when (e is HttpRequestException or IOException && attempt < Tries)
            {
                await target.PauseAsync(attempt, null, cancellationToken);
            }
        }
    }

    private void Know(string digest, string repository)
    {
        if (known.Count < MostKnownBlobs) known.TryAdd(digest, repository);
    }

    private async Task<FetchedManifest> FetchAsync(string repository, string digest, CancellationToken cancellationToken) =>
        await source.Registry.FetchAsync(repository, digest, cancellationToken) ?? throw new ClientException($"the manifest {digest} is gone at the source.");

    private async Task SetTimesAsync(string repository, SourceImage image, Copied copied, CancellationToken cancellationToken)
    {
        if (image.Digest is not { } digest || (image.PushedAt ?? image.LastPulledAt) is null) return;
        // What an interrupted import brought has no times yet.
        if (!copied.Contents.ContainsKey(digest) && await target.FindDigestAsync(repository, digest, cancellationToken) is null) return;
        var body = JsonSerializer.SerializeToUtf8Bytes(new ImageHistoryInputWire(image.PushedAt, image.LastPulledAt), HistoryJson.Client.ImageHistoryInputWire);
        await api.CallAsync(
            HttpMethod.Put,
            $"images/history?repository={Uri.EscapeDataString(repository)}&digest={Uri.EscapeDataString(digest)}",
            body,
            HistoryJson.Client.ImageHistoryWire,
            cancellationToken);
        Interlocked.Increment(ref counts.Times);
    }

    private async Task CompareAsync(string repository, SourceImage image, CancellationToken cancellationToken)
    {
        var tags = Wanted(image);
        if (tags.Count == 0 && !(options.AllImages && image.Tags.Count == 0)) return;
        foreach (var reference in tags.Count > 0 ? tags : [image.Digest!])
        {
            var there = image.Digest ?? await source.Registry.FindDigestAsync(repository, reference, cancellationToken);
            var here = await target.FindDigestAsync(repository, reference, cancellationToken);
            if (here == there) Interlocked.Increment(ref counts.Compared);
            else Fail($"{repository}:{reference}", $"it is {there ?? "gone"} at the source and {here ?? "missing"} at the target.");
        }
    }

    private async Task CreateAsync(string repository, CancellationToken cancellationToken)
    {
        Repository? settings = null;
        IReadOnlyList<Tag>? tags = null;
        if (source.Ecr is { } ecr)
        {
            var found = await ecr.CallAsync(EcrOperations.DescribeRepositories, new DescribeRepositoriesRequest { RegistryId = source.RegistryId, RepositoryNames = [repository] }, cancellationToken);
            settings = found.Repositories is [var first, ..] ? first : null;
            if (settings is not null) tags = (await ecr.CallAsync(EcrOperations.ListTagsForResource, new ListTagsForResourceRequest { ResourceArn = settings.RepositoryArn }, cancellationToken)).Tags;
        }

        try
        {
            await api.CallAsync(
                EcrOperations.CreateRepository,
                new CreateRepositoryRequest
                {
                    RepositoryName = repository,
                    Tags = tags is { Count: > 0 } ? tags : null,
                    ImageTagMutability = settings?.ImageTagMutability,
                    ImageTagMutabilityExclusionFilters = settings?.ImageTagMutabilityExclusionFilters is { Count: > 0 } filters ? filters : null,
                    ImageScanningConfiguration = settings?.ImageScanningConfiguration,
                },
                cancellationToken);
        }
        catch (ClientException e) when (Is(e, "RepositoryAlreadyExistsException"))
        {
            // What the target's own operators set there stays.
        }
    }

    /// <summary>Policies, where the target has none: what its operators set there stays, and an import that is run again changes nothing.</summary>
    private async Task CopyPoliciesAsync(RegistryClient ecr, string repository, bool complete, CancellationToken cancellationToken)
    {
        try
        {
            var policy = await RepositoryPolicyAsync(ecr, source.RegistryId, repository, cancellationToken);
            var there = policy is null ? null : await RepositoryPolicyAsync(api, null, repository, cancellationToken);
            if (policy is not null && there is null) await api.CallAsync(EcrOperations.SetRepositoryPolicy, new SetRepositoryPolicyRequest { RepositoryName = repository, PolicyText = policy }, cancellationToken);
            else if (policy is not null && !SameJson(policy, there!)) Remark($"{repository}: the target has another repository policy, which stays.");
        }
        catch (Exception e) when (IsOfOne(e))
        {
            Fail($"{repository}: repository policy", e.Message);
        }

        await CopyLifecyclePolicyAsync(ecr, repository, complete, cancellationToken);
    }

    private async Task CopyLifecyclePolicyAsync(RegistryClient ecr, string repository, bool complete, CancellationToken cancellationToken)
    {
        var policy = await LifecyclePolicyAsync(ecr, source.RegistryId, repository, cancellationToken);
        var there = policy is null ? null : await LifecyclePolicyAsync(api, null, repository, cancellationToken);
        if (policy is null) return;
        if (there is not null && !SameJson(policy, there)) Remark($"{repository}: the target has another lifecycle policy, which stays.");
        if (there is not null) return;

        // A policy on half of the images would take the wrong ones.
        if (complete) await api.CallAsync(EcrOperations.PutLifecyclePolicy, new PutLifecyclePolicyRequest { RepositoryName = repository, LifecyclePolicyText = policy }, cancellationToken);
        else Remark($"{repository}: the lifecycle policy is left out until all images are there.");
    }

    private static async Task<string?> RepositoryPolicyAsync(RegistryClient of, string? registryId, string repository, CancellationToken cancellationToken)
    {
        try
        {
            return (await of.CallAsync(EcrOperations.GetRepositoryPolicy, new GetRepositoryPolicyRequest { RegistryId = registryId, RepositoryName = repository }, cancellationToken)).PolicyText;
        }
        catch (ClientException e) when (Is(e, "RepositoryPolicyNotFoundException"))
        {
            return null;
        }
    }

    private static async Task<string?> LifecyclePolicyAsync(RegistryClient of, string? registryId, string repository, CancellationToken cancellationToken)
    {
        try
        {
            return (await of.CallAsync(EcrOperations.GetLifecyclePolicy, new GetLifecyclePolicyRequest { RegistryId = registryId, RepositoryName = repository }, cancellationToken)).LifecyclePolicyText;
        }
        catch (ClientException e) when (Is(e, "LifecyclePolicyNotFoundException"))
        {
            return null;
        }
    }

    // The servers write policies with spaces of their own.
    private static bool SameJson(string one, string other) => JsonNode.DeepEquals(JsonNode.Parse(one), JsonNode.Parse(other));

    // AWS puts the service's namespace before it.
    private static bool Is(ClientException e, string code) => e.Code is { } found && (found == code || found.EndsWith("#" + code, StringComparison.Ordinal));

    private void Fail(string what, string why)
    {
        Interlocked.Increment(ref counts.Failed);
        if (counts.Failures.Count < MaxNamed) counts.Failures.Enqueue(DistributionClient.Printable($"{(what.Length > 512 ? what[..512] : what)}: {why}"));
    }

    private void Remark(string what)
    {
        if (counts.Remarks.Count < MaxNamed) counts.Remarks.Enqueue(what);
    }

    /// <summary>What was copied of one repository.</summary>
    private sealed class Copied
    {
        /// <summary>Manifests that are or were being copied.</summary>
        public ConcurrentDictionary<string, Lazy<Task<IReadOnlyList<string>>>> Contents { get; } = new(StringComparer.Ordinal);

        /// <summary>Those whose referrers were looked at.</summary>
        public ConcurrentDictionary<string, bool> Followed { get; } = new(StringComparer.Ordinal);
    }
}

using Longshore.Core.Aws.Ecr;
using Longshore.Core.Lifecycle;
using Longshore.Server.Management.Lifecycle;

namespace Longshore.Server.Commands.Clients;

/// <summary>An image of a repository with everything that a policy and its bytes depend on.</summary>
/// <param name="Image">As the evaluation sees it.</param>
/// <param name="Size">ECR imageSizeInBytes.</param>
/// <param name="Blobs">The bodies it names; empty where the API does not tell (AWS).</param>
/// <param name="Children">The manifests it lists; likewise.</param>
internal sealed record ReadImage(LifecycleImage Image, long Size, IReadOnlyList<NamedBlob> Blobs, IReadOnlyList<string> Children);

/// <summary>
/// Reads a repository: from a Longshore server everything; through ECR's API what it tells of images without fetching them, as fetching a manifest
/// counts as a pull there, and a look must not change what policies go by.
/// </summary>
internal static class RepositoryReader
{
    /// <summary>Images of a page: the most that both APIs give.</summary>
    private const int Page = 1000;

    /// <summary>All images of a repository, the oldest push first.</summary>
    /// <param name="client">The registry.</param>
    /// <param name="repository">The repository.</param>
    /// <param name="progress">Told how many images were read so far.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public static async Task<List<ReadImage>> ReadAsync(RegistryClient client, string repository, Action<int> progress, CancellationToken cancellationToken) =>
        await client.IsLongshoreAsync(cancellationToken)
            ? await ReadEvidenceAsync(client, repository, progress, cancellationToken)
            : await DescribeAsync(client, repository, progress, cancellationToken);

    private static async Task<List<ReadImage>> ReadEvidenceAsync(RegistryClient client, string repository, Action<int> progress, CancellationToken cancellationToken)
    {
        var found = new List<ImageEvidenceWire>();
        for (string? token = null; ;)
        {
            var page = await client.CallAsync(
                HttpMethod.Get,
                $"image-evidence?repository={Uri.EscapeDataString(repository)}&maxResults={Page}{(token is null ? "" : "&nextToken=" + Uri.EscapeDataString(token))}",
                null,
                LifecycleJson.Client.ImageEvidencesWire,
                cancellationToken);
            found.AddRange(page.Images);
            progress(found.Count);
            if ((token = page.NextToken) is null) break;
        }

        var ids = new Dictionary<string, long>(StringComparer.Ordinal);
        var read = new List<ReadImage>(found.Count);
        foreach (var image in found.OrderBy(static i => i.PushedAt).ThenBy(static i => i.Digest, StringComparer.Ordinal))
        {
            read.Add(new ReadImage(
                new LifecycleImage
                {
                    Id = read.Count,
                    Digest = image.Digest,
                    Tags = image.Tags,
                    PushedAt = image.PushedAt,
                    LastPulledAt = image.LastPulledAt,
                    Status = StatusOf(image.Status),
                    LastArchivedAt = image.LastArchivedAt,
                    LastActivatedAt = image.LastActivatedAt,
                    ReferencedBy = image.ReferencedBy,
                    Subject = image.Subject,
                },
                image.Size,
                [.. image.Blobs.Select(blob => new NamedBlob(ids.TryGetValue(blob.Digest, out var id) ? id : ids[blob.Digest] = ids.Count, blob.Size))],
                image.Children));
        }

        return read;
    }

    private static async Task<List<ReadImage>> DescribeAsync(RegistryClient client, string repository, Action<int> progress, CancellationToken cancellationToken)
    {
        var details = new List<ImageDetail>();
        for (string? token = null; ;)
        {
            var page = await client.CallAsync(
                EcrOperations.DescribeImages,
                new DescribeImagesRequest { RepositoryName = repository, MaxResults = Page, NextToken = token, Filter = new DescribeImagesFilter { ImageStatus = ImageStatusFilterValues.Any } },
                cancellationToken);
            details.AddRange(page.ImageDetails ?? []);
            progress(details.Count);
            if ((token = page.NextToken) is null) break;
        }

        var read = new List<ReadImage>(details.Count);
        foreach (var detail in details.OrderBy(static d => d.ImagePushedAt).ThenBy(static d => d.ImageDigest, StringComparer.Ordinal))
        {
            read.Add(new ReadImage(
                new LifecycleImage
                {
                    Id = read.Count,
                    Digest = detail.ImageDigest!,
                    Tags = detail.ImageTags ?? [],
                    PushedAt = detail.ImagePushedAt ?? default,
                    LastPulledAt = detail.LastRecordedPullTime,
                    Status = StatusOf(detail.ImageStatus),
                    LastArchivedAt = detail.LastArchivedAt,
                    LastActivatedAt = detail.LastActivatedAt,
                    Subject = detail.SubjectManifestDigest,
                },
                detail.ImageSizeInBytes ?? 0,
                [],
                []));
        }

        return read;
    }

    private static ImageStatus StatusOf(string? status) => status switch
    {
        ImageStatusValues.Archived => ImageStatus.Archived,
        ImageStatusValues.Activating => ImageStatus.Activating,
        _ => ImageStatus.Active,
    };
}

using Longshore.Core.Lifecycle;
using Longshore.Server.Commands.Clients;

namespace Longshore.Server.Commands.Cleanup;

/// <summary>What keeps images of a repository on a Longshore server: protections, running workloads, silent sources.</summary>
internal static class VetoSource
{
    // A plan asks about images that would go: this one asks about every image that is a day old.
    private const string EveryImage =
        """
        {"rules":[{"rulePriority":1,"description":"asks what keeps images","selection":{"tagStatus":"any","countType":"sinceImagePushed","countUnit":"days","countNumber":1},"action":{"type":"expire"}}]}
        """;

    /// <summary>The vetoes by digest.</summary>
    public static async Task<Dictionary<string, RetentionVeto>> ReadAsync(RegistryClient client, string repository, CancellationToken cancellationToken)
    {
        var plan = await PlanClient.MakeAsync(client, repository, EveryImage, cancellationToken);
        var vetoes = new Dictionary<string, RetentionVeto>(StringComparer.Ordinal);
        if (plan.Vetoed == 0) return vetoes;
        await foreach (var image in PlanClient.ImagesAsync(client, plan.Id, acting: false, cancellationToken))
        {
            if (!Enum.TryParse<RetentionKind>(image.Reason, out var kind)) continue;
            var end = image.Why.LastIndexOf(" (rule ", StringComparison.Ordinal);
            vetoes[image.Digest] = new RetentionVeto(kind, image.Why["kept: ".Length..(end < 0 ? image.Why.Length : end)]);
        }

        return vetoes;
    }
}

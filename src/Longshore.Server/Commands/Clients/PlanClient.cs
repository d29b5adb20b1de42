using System.Text.Json;
using Longshore.Server.Management.Lifecycle;

namespace Longshore.Server.Commands.Clients;

/// <summary>Plans of a Longshore server, as commands use them.</summary>
internal static class PlanClient
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(250);

    /// <summary>Makes a plan and waits for it.</summary>
    public static async Task<PlanWire> MakeAsync(RegistryClient client, string repository, string? policy, CancellationToken cancellationToken)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(new StartPlanWire(policy), LifecycleJson.Client.StartPlanWire);
        var plan = await client.CallAsync(HttpMethod.Post, $"plans?repository={Uri.EscapeDataString(repository)}", body, LifecycleJson.Client.PlanWire, cancellationToken);
        return await WaitAsync(client, plan, "IN_PROGRESS", cancellationToken);
    }

    /// <summary>Waits until a plan has left a status. A failed one is an error.</summary>
    public static async Task<PlanWire> WaitAsync(RegistryClient client, PlanWire plan, string status, CancellationToken cancellationToken)
    {
        while (plan.Status == status)
        {
            await Task.Delay(Poll, TimeProvider.System, cancellationToken);
            plan = await FindAsync(client, plan.Id, cancellationToken);
        }

        return plan.Status == "FAILED" ? throw new ClientException($"plan {plan.Id} failed: {plan.Error}") : plan;
    }

    /// <summary>A plan.</summary>
    public static Task<PlanWire> FindAsync(RegistryClient client, string id, CancellationToken cancellationToken) =>
        client.CallAsync(HttpMethod.Get, $"plans/{Uri.EscapeDataString(id)}", null, LifecycleJson.Client.PlanWire, cancellationToken);

    /// <summary>Lets a plan be applied and waits for the receipt.</summary>
    public static async Task<PlanWire> ApplyAsync(RegistryClient client, string id, CancellationToken cancellationToken) =>
        await WaitAsync(
            client,
            await client.CallAsync(HttpMethod.Post, $"plans/{Uri.EscapeDataString(id)}/apply", null, LifecycleJson.Client.PlanWire, cancellationToken),
            "APPLYING",
            cancellationToken);

    /// <summary>All images of a plan.</summary>
    public static async IAsyncEnumerable<PlanImageWire> ImagesAsync(
        RegistryClient client, string id, bool acting, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (string? token = null; ;)
        {
            var page = await client.CallAsync(
                HttpMethod.Get,
                $"plans/{Uri.EscapeDataString(id)}/images?maxResults=1000&acting={(acting ? "true" : "false")}{(token is null ? "" : "&nextToken=" + Uri.EscapeDataString(token))}",
                null,
                LifecycleJson.Client.PlanImagesWire,
                cancellationToken);
            foreach (var image in page.Images) yield return image;
            if ((token = page.NextToken) is null) yield break;
        }
    }
}

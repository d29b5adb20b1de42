using System.Text.Json.Serialization;
using Longshore.Core;
using Longshore.Server.Content.Collection;
using Longshore.Server.Hosting;

namespace Longshore.Server.Management.Collection;

/// <summary>Starts a collection.</summary>
/// <param name="DryRun">Whether nothing is done, and the answer only says how much would go.</param>
/// <param name="Full">Whether the store is walked for files that no row names, and the database for what no lease leads to.</param>
internal sealed record StartCollectionWire(bool? DryRun = null, bool? Full = null);

/// <summary>A collection that was started, or shown.</summary>
/// <param name="DryRun">Whether it was only shown.</param>
/// <param name="Bodies">Bodies that would go; only of a dry run.</param>
/// <param name="Bytes">Their bytes.</param>
internal sealed record CollectionStartedWire(bool DryRun, long? Bodies = null, long? Bytes = null);

/// <summary>One of the jobs that make up collection.</summary>
/// <param name="Name">collection, scrub or sweep.</param>
/// <param name="Running">Whether a server runs it.</param>
/// <param name="DueAt">When it runs next.</param>
/// <param name="StartedAt">When the last run began.</param>
/// <param name="FinishedAt">When a run last came to its end.</param>
/// <param name="LastError">Why the last run failed.</param>
/// <param name="Part">Scrub: parts of the store that were looked at.</param>
/// <param name="Parts">Scrub: parts in all.</param>
/// <param name="Run">What this run did, or the last one.</param>
/// <param name="Total">What all runs did.</param>
internal sealed record CollectionJobWire(
    string Name,
    bool Running,
    DateTimeOffset? DueAt,
    DateTimeOffset? StartedAt,
    DateTimeOffset? FinishedAt,
    string? LastError,
    int? Part,
    int? Parts,
    CollectionCounts Run,
    CollectionCounts Total);

/// <summary>How far collection is.</summary>
internal sealed record CollectionStatusWire(IReadOnlyList<CollectionJobWire> Jobs);

/// <summary>A body that would go.</summary>
/// <param name="Digest">Its digest.</param>
/// <param name="Size">Bytes.</param>
/// <param name="NotBefore">The earliest time at which it goes.</param>
internal sealed record CollectionCandidateWire(string Digest, long Size, DateTimeOffset NotBefore);

/// <summary>A page of the dry run.</summary>
internal sealed record CollectionCandidatesWire(IReadOnlyList<CollectionCandidateWire> Bodies, string? NextToken);

/// <summary>Collection on demand. It is the whole server's, whose bodies all registries share: only the account of the server's own root may ask.</summary>
internal sealed class CollectionService(CollectionControl control, CollectionPreview preview, ServeOptions options)
{
    /// <summary>Starts it, or says how much would go.</summary>
    public async ValueTask<Outcome<CollectionStartedWire>> StartAsync(ManagementCall call, StartCollectionWire input, CancellationToken cancellationToken)
    {
        if (Refusal(call) is { } refused) return refused;
        if (input.DryRun == true)
        {
            var (bodies, bytes) = await preview.SumAsync(cancellationToken);
            return new CollectionStartedWire(DryRun: true, bodies, bytes);
        }

        await control.StartAsync(input.Full == true, cancellationToken);
        return new CollectionStartedWire(DryRun: false);
    }

    /// <summary>How far it is.</summary>
    public async ValueTask<Outcome<CollectionStatusWire>> GetAsync(ManagementCall call, CancellationToken cancellationToken)
    {
        if (Refusal(call) is { } refused) return refused;
        var jobs = await control.StatusAsync(cancellationToken);
        return new CollectionStatusWire([.. jobs.Select(job => new CollectionJobWire(
            job.State.Kind,
            job.State.Running,
            job.State.DueAt,
            job.State.StartedAt,
            job.State.FinishedAt,
            job.State.LastError,
            job.Parts > 0 ? job.Progress.Part : null,
            job.Parts > 0 ? job.Parts : null,
            job.Progress.Run,
            job.Progress.Total))]);
    }

    /// <summary>What would go, page by page.</summary>
    public async ValueTask<Outcome<CollectionCandidatesWire>> ListAsync(ManagementCall call, CancellationToken cancellationToken)
    {
        if (Refusal(call) is { } refused) return refused;
        if (!call.Page().TryGet(out var page, out var error)) return error;
        var position = page.After;
        CollectablePage? found;
        do
        {
            if (!(await preview.PageAsync(position, page.Limit, cancellationToken)).TryGet(out found, out error)) return error;
            position = found.Next;
        }
        while (found.Bodies.Count == 0 && position is not null);
        return new CollectionCandidatesWire(
            [.. found.Bodies.Select(body => new CollectionCandidateWire(body.Digest.Value, body.Size, body.NotBefore))],
            found.Next is { } next ? page.Tokens.Write(next) : null);
    }

    private RegistryError? Refusal(ManagementCall call) => call.Registry.Account == options.Account && call.Caller.Principal.Account == options.Account
        ? null
        : new RegistryError(ErrorCode.Denied, $"Collection concerns all registries of this server: only account {options.Account} may ask for it.");
}

/// <summary>Collection of bodies that nothing names any more.</summary>
internal static class CollectionOperations
{
    private const string Path = "collection";
    private const string Tag = "Collection";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ManagementOperation> All { get; } =
    [
        ManagementOperation.Of<CollectionService, StartCollectionWire, CollectionStartedWire>(
            new(HttpMethods.Post, Path, "StartCollection", ManagementScope.Registry, Tag, "Starts a collection now, or with dryRun says how much would go."),
            CollectionWireJson.Wire.StartCollectionWire,
            CollectionWireJson.Wire.CollectionStartedWire,
            static (service, call, input, token) => service.StartAsync(call, input, token)),
        ManagementOperation.Of<CollectionService, CollectionStatusWire>(
            new(HttpMethods.Get, Path, "GetCollection", ManagementScope.Registry, Tag, "Tells how far collection is, and what it did."),
            CollectionWireJson.Wire.CollectionStatusWire,
            static (service, call, token) => service.GetAsync(call, token)),
        ManagementOperation.Of<CollectionService, CollectionCandidatesWire>(
            new(HttpMethods.Get, Path + "/candidates", "ListCollectionCandidates", ManagementScope.Registry, Tag, "Lists exactly the bodies that would go if nothing changes.") { Paged = true },
            CollectionWireJson.Wire.CollectionCandidatesWire,
            static (service, call, token) => service.ListAsync(call, token)),
    ];
}

/// <summary>Serialization of this slice.</summary>
[JsonSerializable(typeof(StartCollectionWire))]
[JsonSerializable(typeof(CollectionStartedWire))]
[JsonSerializable(typeof(CollectionStatusWire))]
[JsonSerializable(typeof(CollectionCandidatesWire))]
internal sealed partial class CollectionWireJson : JsonSerializerContext
{
    /// <summary>With the options of this API.</summary>
    public static CollectionWireJson Wire { get; } = new(ManagementJson.NewOptions());

    /// <summary>For clients.</summary>
    public static CollectionWireJson Client { get; } = new(ManagementJson.NewClientOptions());
}

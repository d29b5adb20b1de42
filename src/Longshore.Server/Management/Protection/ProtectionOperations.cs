using Longshore.Core;
using Longshore.Core.Lifecycle;
using Longshore.Server.Protection;

namespace Longshore.Server.Management.Protection;

/// <summary>Protections: put, get, list, delete.</summary>
internal static class ProtectionOperations
{
    private const string Tag = "Protections";
    private const string Path = "protections";
    private const string OnePath = "protections/{id}";

    private static readonly ManagementParameter Id = ManagementParameter.Segment("id", $"The protection's id, chosen by whoever puts it: 1 to {ProtectionRules.MaxName} letters, digits, '.', '_' or '-'.");

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ManagementOperation> All { get; } =
    [
        ManagementOperation.Of<Protections, ProtectionListWire>(
            new(HttpMethods.Get, Path, "ListProtections", ManagementScope.RepositoryOrRegistry, Tag, "Lists protections, ended ones too.")
            {
                Details = "With `repository`: those that concern it, patterns that match it included. Else all of the registry, in order of their ids.",
                Paged = true,
            },
            ProtectionJson.Wire.ProtectionListWire,
            ListAsync),
        ManagementOperation.Of<Protections, ProtectionInputWire, ProtectionWire>(
            new(HttpMethods.Put, OnePath, "PutProtection", ManagementScope.RepositoryOrRegistry, Tag, "Protects images from being removed, under an id of the caller's choice.")
            {
                Details = "By digest, by tag pattern or, without either, whole repositories. With the query parameter `repository` it is for that repository "
                    + "alone, and the body names none; else the body's `repository` is a name or a pattern such as `prod/*`. Putting the same again changes nothing; "
                    + "another body takes the former one's place. A protected image is removed by no policy, plan or delete, but by force.",
                Parameters = [Id],
            },
            ProtectionJson.Wire.ProtectionInputWire,
            ProtectionJson.Wire.ProtectionWire,
            PutAsync),
        ManagementOperation.Of<Protections, ProtectionWire>(
            new(HttpMethods.Get, OnePath, "GetProtection", ManagementScope.RepositoryOrRegistry, Tag, "Tells one protection.") { Parameters = [Id] },
            ProtectionJson.Wire.ProtectionWire,
            static async (protections, call, token) =>
                (await protections.GetAsync(call.Registry, call.Given("id"), call.Repository, token)).TryGet(out var found, out var error) ? ProtectionWire.Of(found, call.Now) : error),
        ManagementOperation.Of<Protections>(
            new(HttpMethods.Delete, OnePath, "DeleteProtection", ManagementScope.RepositoryOrRegistry, Tag, "Lifts a protection.") { Parameters = [Id] },
            static (protections, call, token) => protections.DeleteAsync(call.Registry, call.Given("id"), call.Repository, token)),
    ];

    private static async ValueTask<Outcome<ProtectionListWire>> ListAsync(Protections protections, ManagementCall call, CancellationToken cancellationToken)
    {
        if (!call.Page().TryGet(out var page, out var error)) return error;
        if (call.Repository is not { } name)
        {
            var all = await protections.ListAsync(call.Registry, page.After, page.Limit + 1, cancellationToken);
            return Answer(page.Cut(all, static p => p.Protection.Id), all, call.Now);
        }

        // A pattern has no line break.
        var after = (page.After ?? "\n").Split('\n');
        var concerned = await protections.ListAsync(call.Registry, name, (after[0], after[^1]), page.Limit + 1, cancellationToken);
        return Answer(page.Cut(concerned, static p => $"{p.Protection.Repository}\n{p.Protection.Id}"), concerned, call.Now);
    }

    private static ProtectionListWire Answer(string? next, List<StoredProtection> protections, DateTimeOffset now) =>
        new([.. protections.Select(p => ProtectionWire.Of(p, now))], next);

    private static async ValueTask<Outcome<ProtectionWire>> PutAsync(Protections protections, ManagementCall call, ProtectionInputWire input, CancellationToken cancellationToken)
    {
        if (call.Repository is null == input.Repository is null)
            return ProtectionErrors.Invalid("repository", "must be given once: a repository in the query, or a name or pattern in the body");
        if (input.Digest is not null && input.TagPattern is not null) return ProtectionErrors.Invalid("tagPattern", "cannot be given together with digest");
        var kind = input.Digest is not null ? ProtectionKind.Digest : input.TagPattern is not null ? ProtectionKind.Tag : ProtectionKind.Repository;
        var protection = new ImageProtection(
            call.Given("id"), kind, call.Repository?.Value ?? input.Repository!, input.Digest ?? input.TagPattern ?? "", input.Owner, input.Reason, input.Until);
        var outcome = await protections.PutAsync(call.Registry, protection, call.Repository, call.Caller.Principal.Arn, cancellationToken);
        return outcome.TryGet(out var stored, out var error) ? ProtectionWire.Of(stored, call.Now) : error;
    }
}

using System.Globalization;
using Longshore.Core;
using Longshore.Core.Lifecycle;
using Longshore.Server.Protection;

namespace Longshore.Server.Management.Usage;

/// <summary>Who runs which image: reports, sources, records.</summary>
internal static class UsageOperations
{
    private const string Tag = "Usage";
    private const string SourcePath = "usage/{source}";
    private const int UnresolvedListed = 10;

    private static readonly ManagementParameter Source = ManagementParameter.Segment("source", $"Name of the source: 1 to {ProtectionRules.MaxName} letters, digits, '.', '_' or '-'.");

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ManagementOperation> All { get; } =
    [
        ManagementOperation.Of<UsageReports, UsageReportInputWire, UsageReceiptWire>(
            new(HttpMethods.Put, SourcePath, "PutUsage", ManagementScope.Registry, Tag, "Reports all images that run somewhere, in place of what the source reported before.")
            {
                Details = "Images in use are kept by lifecycle policies and plans while the setting `protectInUse` is on, with what an index in use lists and what "
                    + "refers to an image in use. A source that is silent beyond `ttlSeconds` is stale: the repositories that it covers lose nothing until it "
                    + "reports again. A report of any size comes in parts of at most 4 MiB: all but the last with `more`, all but the first with the `report` of "
                    + "the first one's answer; it counts as a whole, with its last part. After a part without an answer, begin anew.",
                Parameters = [Source],
                MaxBody = 4 * 1024 * 1024,
            },
            UsageJson.Wire.UsageReportInputWire,
            UsageJson.Wire.UsageReceiptWire,
            PutAsync),
        ManagementOperation.Of<UsageReports, UsageSourceListWire>(
            new(HttpMethods.Get, "usage", "ListUsageSources", ManagementScope.Registry, Tag, "Lists the sources of usage reports, in order of their names.") { Paged = true },
            UsageJson.Wire.UsageSourceListWire,
            static async (usage, call, token) =>
            {
                if (!call.Page().TryGet(out var page, out var error)) return error;
                var sources = await usage.ListAsync(call.Registry, page.After, page.Limit + 1, token);
                var next = page.Cut(sources, static source => source.Name);
                return new UsageSourceListWire([.. sources.Select(source => UsageSourceWire.Of(source, call.Now))], next);
            }),
        ManagementOperation.Of<UsageReports, UsageSourceWire>(
            new(HttpMethods.Get, SourcePath, "GetUsageSource", ManagementScope.Registry, Tag, "Tells one source, and whether it is stale.") { Parameters = [Source] },
            UsageJson.Wire.UsageSourceWire,
            static async (usage, call, token) =>
                (await usage.GetAsync(call.Registry, call.Given("source"), token)).TryGet(out var source, out var error) ? UsageSourceWire.Of(source, call.Now) : error),
        ManagementOperation.Of<UsageReports, UsageRecordListWire>(
            new(HttpMethods.Get, "usage/{source}/records", "ListUsageRecords", ManagementScope.RepositoryOrRegistry, Tag, "Lists what a source reported last, by repository and digest.")
            {
                Parameters = [Source],
                Paged = true,
            },
            UsageJson.Wire.UsageRecordListWire,
            ListRecordsAsync),
        ManagementOperation.Of<UsageReports>(
            new(HttpMethods.Delete, SourcePath, "DeleteUsageSource", ManagementScope.Registry, Tag, "Forgets a source and all that it reported.") { Parameters = [Source] },
            static (usage, call, token) => usage.DeleteAsync(call.Registry, call.Given("source"), token)),
    ];

    private static async ValueTask<Outcome<UsageReceiptWire>> PutAsync(UsageReports usage, ManagementCall call, UsageReportInputWire input, CancellationToken cancellationToken)
    {
        // Bounded here too, so that no product of it can overflow.
        if (input.TtlSeconds is < 0 or > int.MaxValue) return ProtectionErrors.Invalid("ttlSeconds", "must be a number of seconds");
        var records = new UsageEntry[input.Records.Count];
        for (var i = 0; i < records.Length; i++)
        {
            if (!Read(input.Records[i], $"records[{i}]").TryGet(out var entry, out var error)) return error;
            records[i] = entry;
        }

        var report = new UsageReport(call.Given("source"), TimeSpan.FromSeconds(input.TtlSeconds), input.Covers, records, input.Report, input.More);
        if (!(await usage.PutAsync(call.Registry, report, cancellationToken)).TryGet(out var receipt, out var refused)) return refused;
        return new UsageReceiptWire(
            report.Source,
            receipt.Report,
            receipt.Records,
            receipt.Complete,
            receipt.Unresolved.Count,
            [.. receipt.Unresolved.Take(UnresolvedListed).Select(entry => new UsageEntryWire(entry.Repository.Value, null, entry.Tag?.Value, WorkloadWire.Of(entry.Workload)))]);
    }

    private static Outcome<UsageEntry> Read(UsageEntryWire? wire, string path)
    {
        if (wire is null) return ProtectionErrors.Invalid(path, "must be an object");
        if (!RepositoryName.TryParse(wire.Repository, out var repository)) return ProtectionErrors.Invalid($"{path}.repository", "must be a repository name");
        Digest? digest = null;
        TagName? tag = null;
        if (wire.Digest is not null)
        {
            if (!Digest.TryParse(wire.Digest, out var parsed))
                return ProtectionErrors.Invalid($"{path}.digest", "must be sha256: with 64 or sha512: with 128 lower-case hexadecimal digits");
            digest = parsed;
        }

        if (wire.Tag is not null)
        {
            if (!TagName.TryParse(wire.Tag, out var parsed)) return ProtectionErrors.Invalid($"{path}.tag", "must be a tag");
            tag = parsed;
        }

        var workload = wire.Workload;
        return new UsageEntry(repository, digest, tag, new Workload(workload?.Kind, workload?.Cluster, workload?.Namespace, workload?.Name));
    }

    private static async ValueTask<Outcome<UsageRecordListWire>> ListRecordsAsync(UsageReports usage, ManagementCall call, CancellationToken cancellationToken)
    {
        var name = call.Given("source");
        if (!call.Page(name).TryGet(out var page, out var error)) return error;
        var after = ("", "", -1L);
        if (page.After is not null)
        {
            if (page.After.Split('\n') is not [var repository, var digest, var position] || !long.TryParse(position, CultureInfo.InvariantCulture, out var number)) return Aws.PageToken.Invalid;
            after = (repository, digest, number);
        }

        if (!(await usage.ListRecordsAsync(call.Registry, name, call.Repository, after, page.Limit + 1, cancellationToken)).TryGet(out var records, out error)) return error;
        var next = page.Cut(records, static record => string.Create(CultureInfo.InvariantCulture, $"{record.Repository}\n{record.Digest}\n{record.Position}"));
        return new UsageRecordListWire([.. records.Select(record => new UsageRecordWire(record.Repository, record.Digest, WorkloadWire.Of(record.Workload)))], next);
    }
}

using System.CommandLine;
using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using Longshore.Server.Commands.Clients;
using Longshore.Server.Trail;
using Longshore.Storage.Objects;

namespace Longshore.Server.Commands.Trail;

/// <summary><c>longshore trail export</c>: records as CloudTrail's own files, for tools that read those.</summary>
internal sealed class TrailExportCommand : TrailClientCommand
{
    // As many as CloudTrail puts into a file at the most is not told; this keeps files below some MiB.
    private const int RecordsInFile = 5_000;

    private readonly Option<string> target = new("--to")
    {
        HelpName = "DIR|s3://BUCKET/PREFIX",
        Description = "Where the files go. S3 takes AWS_ENDPOINT_URL_S3 and the credentials of AWS_S3_ACCESS_KEY_ID and AWS_S3_SECRET_ACCESS_KEY, else those of the call.",
        Required = true,
    };

    private readonly Option<string?> from = new("--from") { HelpName = "TIME", Description = "Not before. Default: all that is kept." };
    private readonly Option<string?> until = new("--until") { HelpName = "TIME", Description = "Before. Default: now." };
    private readonly Option<bool> allAccounts = new("--all-accounts") { Description = "Records of all accounts; for the root of the server's account." };

    /// <summary>Creates the command.</summary>
    public TrailExportCommand(TextWriter output, TextWriter error)
        : base("export", "Write records as CloudTrail JSON files, AWSLogs/ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/*.json.gz.", output, error)
    {
        Add(target);
        Add(from);
        Add(until);
        Add(allAccounts);
    }

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var sink = Open(parsed, parsed.GetValue(target)!);
        using var servers = ConnectAll(parsed);
        var query = new TrailQuery()
            .With("from", parsed.GetValue(from))
            .With("to", parsed.GetValue(until) ?? TimeProvider.System.GetUtcNow().ToString("O", CultureInfo.InvariantCulture))
            .With("oldestFirst", true)
            .With("allAccounts", parsed.GetValue(allAccounts));
        // A file is of one account, one region and one day.
        var batches = new Dictionary<(string Account, string Region, string Day), List<JsonElement>>();
        var (files, records) = (0, 0L);
        await foreach (var record in query.RunAsync(servers, cancellationToken))
        {
            var account = TrailQuery.Text(record, "recipientAccountId");
            var key = (string.IsNullOrEmpty(account) ? "000000000000" : account, TrailQuery.Text(record, "awsRegion") is { Length: > 0 } region ? region : "us-east-1", TrailQuery.Text(record, "eventTime")![..10]);
            if (!batches.TryGetValue(key, out var batch)) batches.Add(key, batch = []);
            batch.Add(record);
            records++;
            if (batch.Count < RecordsInFile) continue;
            await PutAsync(sink, key, batch, cancellationToken);
            batches.Remove(key);
            files++;
        }

        foreach (var (key, batch) in batches)
        {
            await PutAsync(sink, key, batch, cancellationToken);
            files++;
        }

        if (IsJson(parsed))
        {
            Screen.Json(Output, json =>
            {
                json.WriteNumber("records", records);
                json.WriteNumber("files", files);
            });
        }
        else
        {
            await Output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{records} records in {files} files below {parsed.GetValue(target)}"));
        }

        return ClientExitCodes.Fine;
    }

    /// <summary>
    /// The name CloudTrail gives (User Guide, "CloudTrail log file name format"), its unique part made of the first and last record: exporting the
    /// same records again writes the same files.
    /// </summary>
    private static async Task PutAsync(IObjectSink sink, (string Account, string Region, string Day) key, List<JsonElement> batch, CancellationToken cancellationToken)
    {
        static string Unique(JsonElement record) => (TrailQuery.Text(record, "eventID") ?? "").Replace("-", "", StringComparison.Ordinal).PadRight(8, '0')[..8];
        var time = (TrailQuery.Text(batch[0], "eventTime") ?? "")[11..16].Replace(":", "", StringComparison.Ordinal);
        var day = key.Day.Replace("-", "", StringComparison.Ordinal);
        var name = $"AWSLogs/{key.Account}/CloudTrail/{key.Region}/{key.Day.Replace('-', '/')}/{key.Account}_CloudTrail_{key.Region}_{day}T{time}Z_{Unique(batch[0])}{Unique(batch[^1])}.json.gz";
        using var stream = new MemoryStream();
        var gzip = new GZipStream(stream, CompressionLevel.Optimal, leaveOpen: true);
        await using (gzip) await gzip.WriteAsync(CloudTrailJson.File(batch), cancellationToken);
        await sink.PutAsync(name, stream.ToArray(), "application/json", "gzip", cancellationToken);
    }

    private static IObjectSink Open(ParseResult parsed, string to)
    {
        if (!to.StartsWith("s3://", StringComparison.Ordinal)) return new DirectorySink(to);
        var path = to["s3://".Length..];
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        var (bucket, prefix) = slash < 0 ? (path, "") : (path[..slash], path[(slash + 1)..]);
        if (bucket.Length == 0) throw new ClientException($"'{to}' names no bucket: s3://BUCKET/PREFIX.");
        var credentials = Variable("AWS_S3_ACCESS_KEY_ID") is { } id && Variable("AWS_S3_SECRET_ACCESS_KEY") is { } secret
            ? new AwsCredentials(id, secret, Variable("AWS_S3_SESSION_TOKEN"))
            : AwsCredentials.Find(null) ?? throw new ClientException("there are no credentials for S3.");
        return new S3Sink(
            bucket, prefix, Variable("AWS_S3_REGION") ?? Variable("AWS_REGION") ?? "us-east-1", Variable("AWS_ENDPOINT_URL_S3"), credentials.AccessKeyId, credentials.Secret, credentials.SessionToken);
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}

using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Longshore.Server.Commands.Clients;
using Spectre.Console;

namespace Longshore.Server.Commands.Trail;

/// <summary><c>longshore trail search</c>: records of calls, newest first.</summary>
internal sealed class TrailSearchCommand : TrailClientCommand
{
    private readonly Option<string?> principal = new("--principal") { HelpName = "ARN", Description = "Calls of this caller; an ARN of a role means all its sessions." };
    private readonly Option<string?> accessKey = new("--access-key") { HelpName = "ID", Description = "Calls with this access key, refused ones too." };
    private readonly Option<string?> eventName = new("--event") { HelpName = "NAME", Description = "API name, such as PutImage or BatchGetImage; several separated by commas." };
    private readonly Option<string?> repository = new("--repository") { HelpName = "NAME", Description = "Calls about this repository." };
    private readonly Option<string?> digest = new("--digest") { HelpName = "DIGEST", Description = "Calls about this image or layer." };
    private readonly Option<string?> tag = new("--tag") { HelpName = "TAG", Description = "Calls about this tag." };
    private readonly Option<string?> errorCode = new("--error") { HelpName = "CODE", Description = "Calls that ended in this error, such as DENIED." };
    private readonly Option<bool> errors = new("--errors") { Description = "Calls that ended in any error." };
    private readonly Option<string?> address = new("--ip") { HelpName = "ADDRESS", Description = "Calls from this address." };
    private readonly Option<string?> from = new("--from") { HelpName = "TIME", Description = "Not before: 2026-01-31, 2026-01-31T08:00:00Z, or seconds since 1970." };
    private readonly Option<string?> to = new("--to") { HelpName = "TIME", Description = "Before." };
    private readonly Option<bool> writes = new("--writes") { Description = "Only calls that change something." };
    private readonly Option<bool> reads = new("--reads") { Description = "Only calls that change nothing." };
    private readonly Option<bool> oldestFirst = new("--oldest-first") { Description = "The other order." };
    private readonly Option<bool> allAccounts = new("--all-accounts") { Description = "Records of all accounts; for the root of the server's account." };
    private readonly Option<int> limit = new("--limit") { HelpName = "N", Description = "At most so many; 0: all.", DefaultValueFactory = static _ => 100 };

    /// <summary>Creates the command.</summary>
    public TrailSearchCommand(TextWriter output, TextWriter error)
        : base("search", "Show who did what and when, newest first. With --json: one CloudTrail record a line.", output, error)
    {
        foreach (var option in (Option[])[principal, accessKey, eventName, repository, digest, tag, errorCode, errors, address, from, to, writes, reads, oldestFirst, allAccounts, limit]) Add(option);
    }

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        if (parsed.GetValue(writes) && parsed.GetValue(reads)) throw new ClientException("--writes and --reads exclude each other.");
        using var servers = ConnectAll(parsed);
        var query = new TrailQuery()
            .With("principal", parsed.GetValue(principal))
            .With("accessKey", parsed.GetValue(accessKey))
            .With("eventName", parsed.GetValue(eventName))
            .With("repository", parsed.GetValue(repository))
            .With("digest", parsed.GetValue(digest))
            .With("tag", parsed.GetValue(tag))
            .With("errorCode", parsed.GetValue(errorCode))
            .With("errors", parsed.GetValue(errors))
            .With("sourceIp", parsed.GetValue(address))
            .With("from", parsed.GetValue(from))
            .With("to", parsed.GetValue(to))
            .With("readOnly", parsed.GetValue(writes) ? "false" : parsed.GetValue(reads) ? "true" : null)
            .With("oldestFirst", parsed.GetValue(oldestFirst))
            .With("allAccounts", parsed.GetValue(allAccounts));
        var (most, count) = (parsed.GetValue(limit), 0);
        var table = Screen.Table("time", "who", "did", "to", "from", "result");
        await foreach (var record in query.RunAsync(servers, cancellationToken))
        {
            if (IsJson(parsed)) await Output.WriteLineAsync(record.GetRawText());
            else Add(table, record);
            if (++count == most) break;
        }

        if (IsJson(parsed)) return ClientExitCodes.Fine;
        if (count > 0) Screen.Over(Output).Write(table);
        Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count} records{(count == most ? "; more with --limit" : "")}"));
        return ClientExitCodes.Fine;
    }

    /// <summary>Adds a record's row.</summary>
    public static void Add(Table table, JsonElement record) => table.Row(
        TrailQuery.Text(record, "eventTime") ?? "",
        TrailQuery.Who(record),
        TrailQuery.Text(record, "eventName") ?? "",
        TrailQuery.What(record),
        TrailQuery.Text(record, "sourceIPAddress") ?? "",
        TrailQuery.Result(record));
}

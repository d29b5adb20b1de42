using System.CommandLine;
using System.Data.Common;
using System.Globalization;
using System.Text.Json;
using Longshore.Server.Access;
using Longshore.Server.Commands.Clients;
using Longshore.Server.Hosting;
using Longshore.Server.Management.Trail;
using Longshore.Server.Trail;
using Longshore.Storage.Metadata;
using Microsoft.Extensions.Logging.Abstractions;

namespace Longshore.Server.Commands.Trail;

/// <summary>
/// <c>longshore trail verify</c>: whether the records are as they were written. With <c>--data</c> it reads the files itself, whether a server runs
/// or not; else it asks a running server. Exit code 0: they are; 1: they are not; 2: that could not be found out.
/// </summary>
internal sealed class TrailVerifyCommand : ClientCommand
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(300);

    private readonly Option<string?> data = new("--data") { HelpName = "DIR", Description = "Read the trail of this data directory, instead of asking a server." };
    private readonly Option<string?> keyFile = new("--key-file") { HelpName = "FILE", Description = "With --data: the server's key file, when it is not in the data directory." };

    private readonly Option<string?> databaseUrl = new("--database") { HelpName = "URL", Description = "With --data: the server's database, when it is not the embedded one (LONGSHORE_DATABASE)." };

    /// <summary>Creates the command.</summary>
    public TrailVerifyCommand(TextWriter output, TextWriter error)
        : base("verify", "Check that no record of the trail was changed, moved or removed. Exit code 1: something was.", output, error)
    {
        Add(data);
        Add(keyFile);
        Add(databaseUrl);
    }

    /// <inheritdoc/>
    protected override Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken) =>
        parsed.GetValue(data) is { } directory ? VerifyFilesAsync(parsed, directory, cancellationToken) : AskAsync(parsed, cancellationToken);

    private async Task<int> VerifyFilesAsync(ParseResult parsed, string given, CancellationToken cancellationToken)
    {
        var options = new ServeOptions { Data = given, KeyFile = parsed.GetValue(keyFile) };
        if ((parsed.GetValue(databaseUrl) ?? Environment.GetEnvironmentVariable("LONGSHORE_DATABASE")) is { Length: > 0 } url && url != "sqlite")
        {
            options.Database = PostgresAddress.Parse(url, out var problem)?.WithPassword(Environment.GetEnvironmentVariable(ServeOptions.DatabasePasswordVariable))
                ?? throw new ClientException($"--database is no address of a database{(problem.Length > 0 ? ": " + problem : "")}.");
        }

        if (Databases.FindMissing(options) is { } missing) throw new ClientException(missing);
        var directory = new TrailDirectory(options.TrailDirectory);
        try
        {
            await using var database = Databases.OpenForReading(options, TimeProvider.System);
            var serverKeys = new ServerKeys(database, new KeyFile(options.KeyFilePath), NullLogger<ServerKeys>.Instance);
            if (await serverKeys.ReadAsync(cancellationToken) is { } refused) throw new ClientException(refused.Message);
            var head = await TrailVerifier.ReadHeadAsync(
                database, TrailOptions.HeadSettingOf(options.Database is null ? null : ServerIdentity.Find(options.DataDirectory)), cancellationToken);
            if (!directory.Exists)
            {
                if (head is null) throw new ClientException($"there is no trail in {options.DataDirectory}.");
                await Output.WriteLineAsync($"The whole trail is missing: there is no directory {options.TrailDirectory}.");
                return ClientExitCodes.Findings;
            }

            var findings = new List<TrailFindingWire>();
            var verifier = new TrailVerifier(
                directory,
                new TrailKeys(serverKeys),
                finding => findings.Add(new TrailFindingWire(finding.Kind == TrailFindingKind.Damage ? "damage" : "note", finding.Segment, finding.AfterRecord, finding.Text)),
                progress => Progress(progress.Segments, progress.Of));
            var result = verifier.Run(null, head, cancellationToken);
            return Print(parsed, result.Segments, result.Records, findings, 0);
        }
        catch (Exception e) when (e is DbException or UnauthorizedAccessException or InvalidOperationException)
        {
            throw new ClientException(e.Message);
        }
    }

    private async Task<int> AskAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        const string Path = "trail/verification";
        using var client = Connect(parsed);
        var state = await client.CallAsync(HttpMethod.Post, Path, null, TrailWireJson.Client.TrailVerificationWire, cancellationToken);
        while (state.Running)
        {
            await Task.Delay(Poll, TimeProvider.System, cancellationToken);
            state = await client.CallAsync(HttpMethod.Get, Path, null, TrailWireJson.Client.TrailVerificationWire, cancellationToken);
            Progress(state.Segments, state.SegmentsInAll);
        }

        if (state.Error is { } failed) throw new ClientException(failed);
        return Print(parsed, state.Segments, state.Records, state.Findings, state.MoreFindings);
    }

    private void Progress(int segments, int of)
    {
        if (of >= 20 && segments % 10 == 0) Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{segments} of {of} segments"));
    }

    private int Print(ParseResult parsed, int segments, long records, IReadOnlyList<TrailFindingWire> findings, int more)
    {
        var damage = findings.Count(static finding => finding.Kind == "damage");
        if (IsJson(parsed))
        {
            Screen.Json(Output, json =>
            {
                json.WriteNumber("segments", segments);
                json.WriteNumber("records", records);
                json.WriteNumber("damage", damage + more);
                json.WritePropertyName("findings");
                JsonSerializer.Serialize(json, findings, TrailWireJson.Client.IReadOnlyListTrailFindingWire);
            });
        }
        else
        {
            foreach (var finding in findings) Output.WriteLine($"{finding.Kind}: {finding.Text}");
            if (more > 0) Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"and {more} more."));
            Output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{records} records in {segments} segments: {(damage == 0 ? "all as they were written." : $"{damage + more} places where they are not as they were written.")}"));
        }

        return damage + more == 0 ? ClientExitCodes.Fine : ClientExitCodes.Findings;
    }
}

using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Longshore.Server.Commands.Clients;

namespace Longshore.Server.Commands.Trail;

/// <summary>The servers whose trails a command puts together: one, or all of those that share a database.</summary>
internal sealed class TrailServers(IReadOnlyList<RegistryClient> clients) : IDisposable
{
    /// <summary>The servers.</summary>
    public IReadOnlyList<RegistryClient> Clients => clients;

    /// <summary>
    /// Where a record stands among the others: its number in the trail; of several servers, whose numbers have nothing to do with each other, its time in
    /// microseconds, as good as their clocks agree.
    /// </summary>
    public long PositionOf(JsonElement record) =>
        TrailQuery.Text(record, "additionalEventData", clients.Count == 1 ? "sequence" : "timeMicroseconds") is { } text
        && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : long.MaxValue - 1;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var client in clients) client.Dispose();
    }
}

/// <summary>A command that asks for records of trails.</summary>
internal abstract class TrailClientCommand : ClientCommand
{
    private readonly Option<string[]> servers = new("--server")
    {
        HelpName = "URL",
        Description = "A server of several that share a database, each at its own address; repeatable: their trails are put together.",
        AllowMultipleArgumentsPerToken = false,
    };

    /// <inheritdoc/>
    protected TrailClientCommand(string name, string description, TextWriter output, TextWriter error)
        : base(name, description, output, error) => Add(servers);

    /// <summary>The servers that the command line names, or the one of the environment.</summary>
    protected TrailServers ConnectAll(ParseResult parsed) =>
        new(parsed.GetValue(servers) is { Length: > 0 } given ? [.. given.Select(url => Connect(parsed, url))] : [Connect(parsed)]);
}

using System.Net;
using System.Text.Json;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Databases;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Trail;

/// <summary>Looks into the trail of a running server, as its root.</summary>
internal static class TrailReader
{
    private static readonly HttpClient Http = new(new SocketsHttpHandler { UseProxy = false });

    /// <summary>Records, the newest first; asked again until there are so many, since a record follows its answer.</summary>
    public static async Task<List<JsonElement>> SearchAsync(LongshoreProcess server, string query, int atLeast, CancellationToken cancellationToken)
    {
        for (var attempt = 0; ; attempt++)
        {
            var records = await SearchAsync(server, query, cancellationToken);
            if (records.Count >= atLeast) return records;
            Assert.True(attempt < 100, $"{query}: {records.Count} records instead of {atLeast}: {string.Join('\n', records)}");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, cancellationToken);
        }
    }

    public static async Task<List<JsonElement>> SearchAsync(LongshoreProcess server, string query, CancellationToken cancellationToken)
    {
        var all = new List<JsonElement>();
        string? token = null;
        do
        {
            var answer = await GetAsync(server, $"trail?maxResults=1000&{query}{(token is null ? "" : "&nextToken=" + Uri.EscapeDataString(token))}", cancellationToken);
            all.AddRange(answer.GetProperty("records").EnumerateArray());
            token = answer.TryGetProperty("nextToken", out var next) ? next.GetString() : null;
        }
        while (token is not null);
        return all;
    }

    public static async Task<JsonElement> GetAsync(LongshoreProcess server, string path, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server.BaseAddress, "/longshore/v1/" + path));
        new AwsSigner(server.Options.AccessKeyId, server.Options.SecretAccessKey, "us-east-1", "longshore", TimeProvider.System).Sign(request, []);
        using var response = await Http.SendAsync(request, cancellationToken);
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        return JsonDocument.Parse(text).RootElement;
    }

    /// <summary>Runs <c>longshore trail …</c> against a server.</summary>
    public static Task<CommandResult> RunAsync(LongshoreProcess server, CancellationToken cancellationToken, params string[] arguments) =>
        RunAsync(server, new Dictionary<string, string?>(), cancellationToken, arguments);

    /// <summary>The same, with more in its environment.</summary>
    public static Task<CommandResult> RunAsync(LongshoreProcess server, IReadOnlyDictionary<string, string?> more, CancellationToken cancellationToken, params string[] arguments)
    {
        var binary = LongshoreProcess.BinaryPath();
        string[] command = ["trail", .. arguments];
        var environment = new Dictionary<string, string?>
        {
            ["AWS_ACCESS_KEY_ID"] = server.Options.AccessKeyId,
            ["AWS_SECRET_ACCESS_KEY"] = server.Options.SecretAccessKey,
            ["AWS_ENDPOINT_URL"] = server.BaseAddress.AbsoluteUri.TrimEnd('/'),
            ["AWS_REGION"] = "us-east-1",
        };
        foreach (var (name, value) in more) environment[name] = value;
        return binary.EndsWith(".dll", StringComparison.Ordinal)
            ? CommandRunner.TryRunAsync("dotnet", [binary, .. command], cancellationToken, environment)
            : CommandRunner.TryRunAsync(binary, command, cancellationToken, environment);
    }

    /// <summary>Expects that the trail of a data directory is as it was written.</summary>
    public static async Task<JsonElement> VerifyAsync(LongshoreProcess server, CancellationToken cancellationToken)
    {
        var result = await RunAsync(server, cancellationToken, ["verify", "--json", "--data", server.DataDirectory, .. TestDatabases.Arguments(server.DataDirectory)]);
        Assert.True(result.ExitCode == 0, result.ToString());
        return JsonDocument.Parse(result.StandardOutput).RootElement;
    }

    public static string? Text(JsonElement record, params string[] path)
    {
        foreach (var name in path)
            if (record.ValueKind != JsonValueKind.Object || !record.TryGetProperty(name, out record)) return null;
        return record.ValueKind == JsonValueKind.String ? record.GetString() : record.ValueKind == JsonValueKind.Null ? null : record.GetRawText();
    }
}

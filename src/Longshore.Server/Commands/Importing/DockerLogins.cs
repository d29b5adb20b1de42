using System.Diagnostics;
using System.Text.Json;
using Longshore.Server.Commands.Clients;

namespace Longshore.Server.Commands.Importing;

/// <summary>Logins as <c>docker login</c> keeps them: in <c>config.json</c>, or with the credential helper that it names.</summary>
internal static class DockerLogins
{
    // The key under which docker keeps its own registry's login.
    private const string HubKey = "https://index.docker.io/v1/";
    private const string HubHost = "registry-1.docker.io";

    /// <summary>User name and password for a registry; null when there is no login.</summary>
    /// <exception cref="ClientException">The helper does not work, or keeps a token instead of a password.</exception>
    public static async Task<(string User, string Password)?> FindAsync(Uri registry, CancellationToken cancellationToken)
    {
        var directory = Environment.GetEnvironmentVariable("DOCKER_CONFIG") is { Length: > 0 } given ? given : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".docker");
        var file = Path.Combine(directory, "config.json");
        if (!File.Exists(file)) return null;
        using var document = JsonDocument.Parse(await File.ReadAllBytesAsync(file, cancellationToken));
        var names = registry.Host == HubHost ? [HubKey] : new[] { registry.Authority, $"{registry.Scheme}://{registry.Authority}" };
        foreach (var name in names)
        {
            if (Member(document.RootElement, "credHelpers") is { } helpers && Text(helpers, name) is { } helper) return await AskAsync(helper, name, cancellationToken);
            if (Member(document.RootElement, "auths") is { } auths && Member(auths, name) is { } entry && Text(entry, "auth") is { } encoded) return SourceAddress.Split(encoded);
        }

        return Text(document.RootElement, "credsStore") is { } store ? await AskAsync(store, names[0], cancellationToken) : null;
    }

    /// <summary>The protocol of docker-credential-helpers: the server's name in, a JSON object out; another exit code than 0 for no login.</summary>
    private static async Task<(string User, string Password)?> AskAsync(string helper, string name, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo("docker-credential-" + helper, ["get"]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using var process = Process.Start(start)!;
            await process.StandardInput.WriteLineAsync(name.AsMemory(), cancellationToken);
            process.StandardInput.Close();
            var errors = process.StandardError.ReadToEndAsync(cancellationToken);
            var answer = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await errors;
            await process.WaitForExitAsync(cancellationToken);
            if (process.ExitCode != 0) return null;
            using var document = JsonDocument.Parse(answer);
            var (user, secret) = (Text(document.RootElement, "Username"), Text(document.RootElement, "Secret"));
            if (user == "<token>") throw new ClientException($"{start.FileName} keeps a token for {name}, not a password: use --from-user and LONGSHORE_IMPORT_PASSWORD.");
            return user is null || secret is null ? null : (user, secret);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new ClientException($"docker's config.json names {start.FileName}, which cannot be started. Install it, or use --from-user and LONGSHORE_IMPORT_PASSWORD.");
        }
    }

    private static JsonElement? Member(JsonElement within, string name) => within.ValueKind == JsonValueKind.Object && within.TryGetProperty(name, out var found) ? found : null;

    private static string? Text(JsonElement within, string name) => Member(within, name) is { ValueKind: JsonValueKind.String } found && found.GetString() is { Length: > 0 } text ? text : null;
}

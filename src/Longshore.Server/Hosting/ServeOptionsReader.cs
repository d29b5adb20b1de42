using System.Text.Json;
using Longshore.Server.Access;

namespace Longshore.Server.Hosting;

/// <summary>
/// Puts the options together from command line, environment, configuration file and defaults, in this order of
/// precedence per option, and finds everything that is wrong with them at once.
/// </summary>
internal sealed class ServeOptionsReader
{
    private readonly List<string> errors = [];

    /// <summary>What is wrong; each text names the option in all its spellings and what is accepted.</summary>
    public IReadOnlyList<string> Errors => errors;

    /// <summary>Reads all options.</summary>
    /// <param name="commandLine">The texts given for a key on the command line, or null.</param>
    /// <param name="environment">The value of an environment variable, or null.</param>
    /// <param name="configPath">The configuration file from the command line, or null.</param>
    /// <param name="listens">Whether the command listens: only then it matters what an address is exposed to.</param>
    /// <returns>The options; of use only when <see cref="Errors"/> is empty.</returns>
    public ServeOptions Read(
        Func<string, IReadOnlyList<string>?> commandLine, Func<string, string?> environment, string? configPath, bool listens = true)
    {
        var file = ReadFile(configPath ?? NullIfEmpty(environment("LONGSHORE_CONFIG")));
        var options = new ServeOptions();
        var wrong = new HashSet<string>(StringComparer.Ordinal);
        foreach (var option in ServeOptionTable.All)
        {
            var (values, source) = Find(option);
            foreach (var value in values)
            {
                if (option.Read(options, value) is not { } problem) continue;
                wrong.Add(option.Key);
                Add(option, $"\"{option.Shown(value)}\" ({source}) is not accepted{(problem.Length > 0 ? ": " + problem : "")}");
            }
        }
        CheckTogether(options, wrong);
        if (listens && !options.AllowPlainHttp && !wrong.Contains("listen") && !wrong.Contains("allow-plain-http")) CheckExposure(options);
        ReadRoot(options, environment);
        options.Database = options.Database?.WithPassword(environment(ServeOptions.DatabasePasswordVariable));
        return options;

        (IReadOnlyList<string> Values, string Source) Find(ServeOption option)
        {
            if (commandLine(option.Key) is { } given) return (given, "from the command line");
            if (NullIfEmpty(environment(option.Environment)) is { } text)
                return (option.Repeatable ? text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) : [text], "from the environment");
            return file.TryGetValue(option.Key, out var values) ? (values, "from the configuration file") : ([], "");
        }
    }

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private void ReadRoot(ServeOptions options, Func<string, string?> environment)
    {
        var id = NullIfEmpty(environment(ServeOptions.RootKeyVariable));
        var secret = NullIfEmpty(environment(ServeOptions.RootSecretVariable));
        if (id is null && secret is null) return;
        if (RootCredentials.Parse(id, secret).TryGet(out var root, out var error)) options.Root = root;
        else errors.Add(error.Message);
    }

    private void Add(ServeOption option, string problem) => errors.Add($"{option.Spellings}: {problem}; give {option.Accepts}.");

    private void CheckTogether(ServeOptions options, HashSet<string> wrong)
    {
        if (options.Listen.Count == 0 && !wrong.Contains("listen")) options.Listen = [new ListenAddress("127.0.0.1", 5000, null)];
        if (options.MetricsListen is { Port: not 0 } metrics && options.Listen.Any(address => address.Port == metrics.Port))
            Add(ServeOptionTable.All.Single(o => o.Key == "metrics-listen"), $"port {metrics.Port} is that of listen too; the metrics have a port of their own");
        if ((options.TlsCert is null) != (options.TlsKey is null) && !wrong.Contains("tls-cert") && !wrong.Contains("tls-key"))
        {
            var missing = ServeOptionTable.All.Single(o => o.Key == (options.TlsCert is null ? "tls-cert" : "tls-key"));
            Add(missing, "it is missing, and its counterpart is given");
        }
        else if (options is { TlsCert: { } cert, TlsKey: { } key })
        {
            if (CertificateFiles.TryLoad(cert, key, out var problem) is { } loaded) loaded.Dispose();
            else Add(ServeOptionTable.All.Single(o => o.Key == "tls-cert"), $"\"{cert}\" with tls-key \"{key}\" cannot be used: {problem}");
        }
        var listen = ServeOptionTable.All.Single(o => o.Key == "listen");
        if (wrong.Contains("listen") || wrong.Contains("tls-cert")) return;
        if (options.TlsCert is null && options.Listen.Any(a => a.Scheme == "https"))
            Add(listen, "an https address needs tls-cert and tls-key");
        if (options.TlsCert is not null && !options.Listen.Any(options.IsTls))
            Add(listen, "tls-cert is given and every address says http");
    }

    // Whoever can read the network reads tokens and images, and a token is all that it takes to push.
    private void CheckExposure(ServeOptions options)
    {
        if (options.MetricsListen is { IsLoopback: false } metrics)
        {
            Add(
                ServeOptionTable.All.Single(o => o.Key == "allow-plain-http"),
                $"metrics at {metrics.Host}:{metrics.Port} can be read by others. Listen on 127.0.0.1; in a network that you trust, allow it");
        }

        foreach (var address in options.Listen.Where(address => !address.IsLoopback && !options.IsTls(address)))
        {
            Add(
                ServeOptionTable.All.Single(o => o.Key == "allow-plain-http"),
                $"plain HTTP at {address.Host}:{address.Port} can be read by others: tokens, secrets and images. Give tls-cert and tls-key, or listen on 127.0.0.1; behind a proxy that has TLS, or in a network that you trust, allow it");
        }
    }

    private Dictionary<string, IReadOnlyList<string>> ReadFile(string? path)
    {
        var found = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        if (path is null) return found;
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions
            {
                CommentHandling = JsonCommentHandling.Skip,
                AllowTrailingCommas = true,
                AllowDuplicateProperties = false,
            });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                AddFile(path, "it does not hold a JSON object");
                return found;
            }
            foreach (var member in document.RootElement.EnumerateObject())
            {
                if (!ServeOptionTable.All.Any(o => o.Key == member.Name))
                    AddFile(path, $"\"{member.Name}\" is not an option; the keys are {string.Join(", ", ServeOptionTable.All.Select(o => o.Key))}");
                else
                    found[member.Name] = [.. Texts(member.Value)];
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            AddFile(path, e.Message.TrimEnd('.'));
        }
        return found;
    }

    private void AddFile(string path, string problem) =>
        errors.Add($"--config or LONGSHORE_CONFIG: {path}: {problem}; give a file with one JSON object.");

    // Anything that is no text, number, bool or list of them is passed on as its JSON text, which no option accepts.
    private static IEnumerable<string> Texts(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => value.EnumerateArray().SelectMany(Texts),
        JsonValueKind.String => [value.GetString()!],
        JsonValueKind.True => ["true"],
        JsonValueKind.False => ["false"],
        _ => [value.GetRawText()],
    };
}

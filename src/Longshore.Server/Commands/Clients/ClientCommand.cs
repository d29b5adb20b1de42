using System.CommandLine;

namespace Longshore.Server.Commands.Clients;

/// <summary>Exit codes of commands that look at a registry over HTTP; stable, for scripts.</summary>
internal static class ClientExitCodes
{
    /// <summary>Nothing to find fault with; the work is done.</summary>
    public const int Fine = 0;

    /// <summary>There are findings, or something was kept that the plan would have taken.</summary>
    public const int Findings = 1;

    /// <summary>It could not be done.</summary>
    public const int Error = 2;
}

/// <summary>A command that is a client of HTTP APIs: of Longshore, and where ECR's suffices of AWS.</summary>
internal abstract class ClientCommand : Command
{
    private readonly Option<string?> endpoint = new("--endpoint-url")
    {
        HelpName = "URL",
        Description = "The registry's API. Default: AWS_ENDPOINT_URL_ECR, AWS_ENDPOINT_URL, else AWS.",
    };

    private readonly Option<string?> region = new("--region") { HelpName = "REGION", Description = "The region. Default: AWS_REGION, AWS_DEFAULT_REGION, else us-east-1." };
    private readonly Option<string?> profile = new("--profile") { HelpName = "NAME", Description = "A profile of the shared credentials file. Default: the environment's credentials, else AWS_PROFILE." };
    private readonly Option<bool> json = new("--json") { Description = "Print JSON." };

    /// <summary>Adds the options that all of them take.</summary>
    protected ClientCommand(string name, string description, TextWriter output, TextWriter error)
        : base(name, description)
    {
        (Output, Error) = (output, error);
        Add(endpoint);
        Add(region);
        Add(profile);
        Add(json);
        SetAction(async (parsed, token) =>
        {
            try
            {
                return await RunAsync(parsed, token);
            }
            catch (ClientException e)
            {
                await error.WriteLineAsync("longshore: " + e.Message);
                return ClientExitCodes.Error;
            }
            catch (Exception e) when (e is IOException or System.Text.Json.JsonException)
            {
                await error.WriteLineAsync("longshore: " + e.Message);
                return ClientExitCodes.Error;
            }
        });
    }

    /// <summary>Results.</summary>
    protected TextWriter Output { get; }

    /// <summary>Progress and errors.</summary>
    protected TextWriter Error { get; }

    /// <summary>Does the work; a <see cref="ClientException"/> is told to the user.</summary>
    protected abstract Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken);

    /// <summary>Whether to print JSON.</summary>
    protected bool IsJson(ParseResult parsed) => parsed.GetValue(json);

    /// <summary>The registry that the command line and the environment name.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="server">The server to ask instead; or null.</param>
    /// <param name="tries">How often a call is tried; more than once only where all calls may be repeated.</param>
    protected RegistryClient Connect(ParseResult parsed, string? server = null, int tries = 1)
    {
        var where = parsed.GetValue(region) ?? Variable("AWS_REGION") ?? Variable("AWS_DEFAULT_REGION") ?? "us-east-1";
        var url = server ?? parsed.GetValue(endpoint) ?? Variable("AWS_ENDPOINT_URL_ECR") ?? Variable("AWS_ENDPOINT_URL") ?? $"https://api.ecr.{where}.amazonaws.com";
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
            throw new ClientException($"'{url}' is no address of a registry: give --endpoint-url http://HOST:PORT.");
        var credentials = AwsCredentials.Find(parsed.GetValue(profile))
            ?? throw new ClientException("there are no credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a --profile; for a local server: eval \"$(longshore env)\".");
        return new RegistryClient(address, where, credentials, TimeProvider.System, tries);
    }

    /// <summary>The text of a file, or of standard input for <c>-</c>.</summary>
    protected static async Task<string> ReadTextAsync(string file, CancellationToken cancellationToken)
    {
        if (file == "-") return await Console.In.ReadToEndAsync(cancellationToken);
        return File.Exists(file) ? await File.ReadAllTextAsync(file, cancellationToken) : throw new ClientException($"there is no file '{file}'.");
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}

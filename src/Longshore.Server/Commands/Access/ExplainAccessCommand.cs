using System.CommandLine;
using System.Text.Json;
using Longshore.Server.Commands.Clients;
using Longshore.Server.Management.Access;
using Spectre.Console;

namespace Longshore.Server.Commands.Access;

/// <summary><c>longshore access explain</c>: whether somebody may do something, which statement says so, and what would allow it.</summary>
internal sealed class ExplainAccessCommand : ClientCommand
{
    private readonly Option<string> principal = new("--principal") { HelpName = "ARN", Description = "The root, user, role or assumed role; also user/NAME and role/NAME of the registry's account.", Required = true };
    private readonly Option<string> action = new("--action") { HelpName = "ACTION", Description = "Such as ecr:PutImage.", Required = true };
    private readonly Option<string?> repository = new("--repository") { HelpName = "NAME", Description = "The repository. Default: the registry as a whole." };
    private readonly Option<string?> account = new("--registry-id") { HelpName = "ACCOUNT", Description = "The registry's account. Default: your own." };
    private readonly Option<string[]> context = new("--context") { HelpName = "KEY=VALUE", Description = "A condition key of the request, such as aws:SourceIp=10.0.0.1. May be repeated.", Arity = ArgumentArity.ZeroOrMore };

    /// <summary>Creates the command.</summary>
    public ExplainAccessCommand(TextWriter output, TextWriter error)
        : base("explain", "Say whether somebody may do something and why. Exit code 0: allowed; 1: denied; 2: it could not be asked.", output, error)
    {
        Add(principal);
        Add(action);
        Add(repository);
        Add(account);
        Add(context);
    }

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        using var client = Connect(parsed);
        if (!await client.IsLongshoreAsync(cancellationToken)) throw new ClientException($"{client.Endpoint} is no Longshore server; on AWS, use the IAM policy simulator.");
        var query = $"access/explain?principal={Uri.EscapeDataString(parsed.GetRequiredValue(principal))}&action={Uri.EscapeDataString(parsed.GetRequiredValue(action))}";
        if (parsed.GetValue(repository) is { } name) query += $"&repository={Uri.EscapeDataString(name)}";
        if (parsed.GetValue(account) is { } registry) query += $"&registryId={Uri.EscapeDataString(registry)}";
        if (parsed.GetValue(context) is { Length: > 0 } keys) query += $"&context={Uri.EscapeDataString(string.Join(';', keys))}";
        var answer = await client.CallAsync(HttpMethod.Get, query, null, AccessJson.Client.AccessExplanationWire, cancellationToken);
        if (IsJson(parsed)) await Output.WriteLineAsync(JsonSerializer.Serialize(answer, AccessJson.Client.AccessExplanationWire));
        else Print(Screen.Over(Output), answer);
        return answer.Decision == "allowed" ? ClientExitCodes.Fine : ClientExitCodes.Findings;
    }

    private static void Print(IAnsiConsole console, AccessExplanationWire answer)
    {
        console.MarkupLineInterpolated($"[{(answer.Decision == "allowed" ? "green" : "red")}]{answer.Decision switch { "allowed" => "ALLOWED", "explicitDeny" => "DENIED by a statement", _ => "DENIED: nothing allows it" }}[/]");
        console.MarkupLineInterpolated($"{answer.Reason}");
        if (answer.Policy is not null) console.MarkupLineInterpolated($"decided by  {answer.Statement ?? "no statement: it cannot be read"} of {answer.Policy}");
        else if (answer.Basis == "root") console.WriteLine("decided by  nothing: the root may do everything in its account");
        if (answer.StatementText is not null) Indent(console, answer.StatementText);
        foreach (var fix in answer.Fixes)
        {
            console.MarkupLineInterpolated($"to allow it, add to {fix.Where}:");
            Indent(console, fix.Statement);
        }

        if (answer.MissingContextKeys.Count > 0) console.MarkupLineInterpolated($"not known   {string.Join(", ", answer.MissingContextKeys)}");
        if (answer.Advice is not null) console.MarkupLineInterpolated($"{answer.Advice}");
    }

    // Past the console, which would break long lines: statements are to be copied.
    private static void Indent(IAnsiConsole console, string text)
    {
        foreach (var line in text.Split('\n')) console.Profile.Out.Writer.WriteLine("    " + line.TrimEnd('\r'));
    }
}

using System.CommandLine;
using Longshore.Server.Hosting;

namespace Longshore.Server.Commands;

/// <summary>A command that takes options of the server: on the command line some or all, in environment and file all.</summary>
internal abstract class OptionsCommand : Command
{
    private readonly Dictionary<string, Option> options = new(StringComparer.Ordinal);
    private readonly Option<string?> config = new("--config")
    {
        HelpName = "FILE",
        Description = "JSON file with one object; its keys are the names of the options. Env: LONGSHORE_CONFIG.",
    };

    /// <summary>Adds those of the server's options that the command takes.</summary>
    protected OptionsCommand(string name, string description, Func<ServeOption, bool> takes)
        : base(name, description)
    {
        foreach (var option in ServeOptionTable.All.Where(takes))
        {
            Option added = option.Repeatable ? new Option<string[]>(option.CommandLine) : new Option<string?>(option.CommandLine);
            added.HelpName = option.Value;
            added.Description = $"{option.Summary} Default: {option.Default}. Env: {option.Environment}.";
            added.Arity = option switch
            {
                { Repeatable: true } => ArgumentArity.OneOrMore,
                { Flag: true } => ArgumentArity.ZeroOrOne,
                _ => ArgumentArity.ExactlyOne,
            };
            options.Add(option.Key, added);
            Add(added);
        }
        Add(config);
    }

    /// <summary>Reads the options from everywhere.</summary>
    public (ServeOptions Options, IReadOnlyList<string> Errors) ReadOptions(ParseResult parsed)
    {
        var reader = new ServeOptionsReader();
        var read = reader.Read(
            key => options.TryGetValue(key, out var option) && parsed.GetResult(option) is { Implicit: false } result
                ? result.Tokens.Count == 0 && option.Arity.MinimumNumberOfValues == 0 ? ["true"] : [.. result.Tokens.Select(t => t.Value)]
                : null,
            Environment.GetEnvironmentVariable,
            parsed.GetResult(config) is { Implicit: false, Tokens: [var token, ..] } ? token.Value : null,
            listens: options.ContainsKey("allow-plain-http"));
        return (read, reader.Errors);
    }

    /// <summary>Whether an option was given on the command line.</summary>
    protected bool IsGiven(ParseResult parsed, string key) =>
        options.TryGetValue(key, out var option) && parsed.GetResult(option) is { Implicit: false };
}

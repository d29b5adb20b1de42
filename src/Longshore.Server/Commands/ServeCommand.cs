using Longshore.Server.Hosting;

namespace Longshore.Server.Commands;

/// <summary><c>longshore serve</c>: runs the registry.</summary>
internal sealed class ServeCommand : OptionsCommand
{
    /// <summary>Creates the command.</summary>
    public ServeCommand(TextWriter output, TextWriter error)
        : base("serve", "Run the registry. Options come from the command line, LONGSHORE_ variables, the configuration file and defaults, in this order.", _ => true) =>
        SetAction(async (parsed, cancellationToken) =>
        {
            var (options, errors) = ReadOptions(parsed);
            return errors.Count > 0
                ? LongshoreCommand.Refuse(error, errors)
                : await LongshoreServer.RunAsync(options, output, error, cancellationToken);
        });
}

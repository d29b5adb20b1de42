using Longshore.Server.Hosting;

namespace Longshore.Server.Commands;

/// <summary>
/// <c>longshore env</c>: shell exports for a local server. Without <c>--listen</c> the address is the one of the server that
/// runs on the data directory, so that port 0 works too.
/// </summary>
internal sealed class EnvCommand : OptionsCommand
{
    /// <summary>Creates the command.</summary>
    public EnvCommand(TextWriter output, TextWriter error)
        : base(
            "env",
            "Print shell exports for the AWS CLI, and the docker login line, of a local server: eval \"$(longshore env)\".",
            option => option.Key is "listen" or "data" or "region" or "public-url" or "tls-cert" or "tls-key") =>
        SetAction(parsed =>
        {
            var (options, errors) = ReadOptions(parsed);
            if (errors.Count > 0) return LongshoreCommand.Refuse(error, errors);
            var url = options.PublicUrl ?? FindUrl(options, IsGiven(parsed, "listen"));
            if (url is null)
            {
                error.WriteLine("longshore: no server runs on the data directory " + options.DataDirectory + ", so its port is not known. Start it, or give --listen with a port.");
                return ExitCodes.Failed;
            }
            foreach (var line in ClientCommands.Exports(options, url)) output.WriteLine(line);
            return ExitCodes.Done;
        });

    private static string? FindUrl(ServeOptions options, bool listenGiven)
    {
        if (!listenGiven && DataDirectory.FindHolder(options.DataDirectory) is { Addresses: [var running, ..] }) return ListenAddress.Reachable(running);
        var address = options.Listen[0];
        if (address.Port == 0) return null;
        var host = address.Host.Contains(':', StringComparison.Ordinal) ? $"[{address.Host}]" : address.Host;
        return ListenAddress.Reachable($"{(options.IsTls(address) ? "https" : "http")}://{(host == "*" ? "0.0.0.0" : host)}:{address.Port}");
    }
}

using System.CommandLine;

namespace Longshore.Server.Commands.Trail;

/// <summary><c>longshore trail</c>: who did what, when, and whether the records of it are as they were written.</summary>
internal sealed class TrailCommand : Command
{
    /// <summary>Creates the command.</summary>
    public TrailCommand(TextWriter output, TextWriter error)
        : base("trail", "Search, verify and export the records of calls, and see who is refused again and again.")
    {
        Add(new TrailSearchCommand(output, error));
        Add(new TrailHistoryCommand(output, error));
        Add(new TrailVerifyCommand(output, error));
        Add(new TrailExportCommand(output, error));
        Add(new TrailAlertsCommand(output, error));
    }
}

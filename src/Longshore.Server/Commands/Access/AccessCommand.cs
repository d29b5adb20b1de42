using System.CommandLine;

namespace Longshore.Server.Commands.Access;

/// <summary><c>longshore access …</c>: who may do what, and who may do too much.</summary>
internal sealed class AccessCommand : Command
{
    /// <summary>Creates the command with its own commands.</summary>
    public AccessCommand(TextWriter output, TextWriter error)
        : base("access", "Explain and check who may do what on a Longshore server.")
    {
        Add(new ExplainAccessCommand(output, error));
        Add(new CheckAccessCommand(output, error));
    }
}

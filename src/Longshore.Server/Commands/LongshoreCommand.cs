using System.CommandLine;
using System.CommandLine.Invocation;
using Longshore.Server.Commands.Access;
using Longshore.Server.Commands.Accounts;
using Longshore.Server.Commands.Cleanup;
using Longshore.Server.Commands.Importing;
using Longshore.Server.Commands.Moving;
using Longshore.Server.Commands.Trail;
using Longshore.Server.Hosting;

namespace Longshore.Server.Commands;

/// <summary>The command line of the executable.</summary>
internal static class LongshoreCommand
{
    /// <summary>Runs a command line.</summary>
    /// <returns>The exit code: <see cref="ExitCodes"/>.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        var root = new RootCommand("Longshore: a self-hosted container registry that speaks OCI Distribution 1.1 and Amazon ECR.")
        {
            new ServeCommand(output, error),
            new EnvCommand(output, error),
            new VerifyCommand(output, error),
            new KeysCommand(output, error),
            new StoreCommand(output, error),
            new LintCommand(output, error),
            new SimulateCommand(output, error),
            new ExplainCommand(output, error),
            new PlanCommand(output, error),
            new ApplyCommand(output, error),
            new GcCommand(output, error),
            new TrailCommand(output, error),
            new AccountCommand(output, error),
            new AccessCommand(output, error),
            new BackupCommand(output, error),
            new RestoreCommand(output, error),
            new MigrateCommand(output, error),
            new ImportCommand(output, error),
        };
        var parsed = root.Parse(args);
        if (parsed.Action is ParseErrorAction)
        {
            var problems = parsed.Errors.Select(e => e.Message);
            if (parsed.CommandResult.Command is OptionsCommand command) problems = problems.Concat(command.ReadOptions(parsed).Errors);
            return Refuse(error, problems);
        }
        return await parsed.InvokeAsync(new InvocationConfiguration
        {
            Output = output,
            Error = error,
            EnableDefaultExceptionHandler = false,
            // The server handles signals itself.
            ProcessTerminationTimeout = null,
        }, cancellationToken);
    }

    /// <summary>Prints every problem, one a line.</summary>
    /// <returns><see cref="ExitCodes.WrongOptions"/>.</returns>
    public static int Refuse(TextWriter error, IEnumerable<string> problems)
    {
        var all = problems.ToList();
        error.WriteLine(all.Count == 1 ? "longshore: one thing is wrong:" : $"longshore: {all.Count} things are wrong:");
        foreach (var problem in all) error.WriteLine("  " + problem);
        error.WriteLine("What is accepted: longshore --help, longshore serve --help.");
        return ExitCodes.WrongOptions;
    }
}

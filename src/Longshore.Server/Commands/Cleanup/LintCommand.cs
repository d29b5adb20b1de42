using System.CommandLine;
using Longshore.Core.Lifecycle;
using Longshore.Server.Commands.Clients;
using Spectre.Console;

namespace Longshore.Server.Commands.Cleanup;

/// <summary><c>longshore lint FILE…</c>: what is wrong or doubtful in lifecycle policies.</summary>
internal sealed class LintCommand : ClientCommand
{
    private readonly Argument<string[]> files = new("FILE") { Arity = ArgumentArity.OneOrMore, Description = "Lifecycle policies; - is standard input." };
    private readonly Option<string?> repository = new("--repository") { HelpName = "NAME", Description = "Also check against the images of this repository." };
    private readonly Option<double> rollback = new("--rollback-days") { HelpName = "DAYS", Description = "How far back a deployment must be able to go. Default: 7.", DefaultValueFactory = static _ => 7 };

    /// <summary>Creates the command.</summary>
    public LintCommand(TextWriter output, TextWriter error)
        : base("lint", "Find mistakes in lifecycle policies. Exit code 0: none; 1: findings; 2: it could not be done.", output, error)
    {
        Add(files);
        Add(repository);
        Add(rollback);
    }

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        IReadOnlyList<LifecycleImage>? images = null;
        if (parsed.GetValue(repository) is { } name)
        {
            using var client = Connect(parsed);
            images = [.. (await RepositoryReader.ReadAsync(client, name, static _ => { }, cancellationToken)).Select(static image => image.Image)];
        }

        var found = new List<(string File, LintFinding Finding)>();
        foreach (var file in parsed.GetValue(files)!)
        {
            var findings = LifecycleLint.Check(await ReadTextAsync(file, cancellationToken), out var policy).ToList();
            if (policy is not null && images is not null)
            {
                var certain = findings.Select(static f => (f.Code, f.Path)).ToHashSet();
                findings.AddRange(LifecycleLint.Check(policy, images, parsed.GetValue(rollback), TimeProvider.System.GetUtcNow()).Where(f => !certain.Contains((f.Code, f.Path))));
            }

            found.AddRange(findings.Select(finding => (file, finding)));
        }

        Print(parsed, found, parsed.GetValue(files)!.Length);
        return found.Count == 0 ? ClientExitCodes.Fine : ClientExitCodes.Findings;
    }

    private void Print(ParseResult parsed, List<(string File, LintFinding Finding)> found, int fileCount)
    {
        if (IsJson(parsed))
        {
            Screen.Json(Output, writer =>
            {
                writer.WriteStartArray("findings");
                foreach (var (file, finding) in found)
                {
                    writer.WriteStartObject();
                    writer.WriteString("file", file);
                    writer.WriteString("code", finding.Code);
                    writer.WriteString("severity", finding.Severity == LintSeverity.Error ? "error" : "warning");
                    writer.WriteString("path", finding.Path);
                    writer.WriteString("message", finding.Message);
                    writer.WriteString("fix", finding.Fix);
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            });
            return;
        }

        var console = Screen.Over(Output);
        foreach (var (file, finding) in found)
        {
            console.MarkupLineInterpolated($"{file}: {(finding.Severity == LintSeverity.Error ? "error" : "warning")} {finding.Code}{(finding.Path.Length == 0 ? "" : " at " + finding.Path)}");
            console.MarkupLineInterpolated($"    {finding.Message}");
            console.MarkupLineInterpolated($"    to do: {finding.Fix}");
        }

        var errors = found.Count(static f => f.Finding.Severity == LintSeverity.Error);
        console.MarkupLineInterpolated($"{fileCount} {(fileCount == 1 ? "policy" : "policies")}: {errors} {(errors == 1 ? "error" : "errors")}, {found.Count - errors} {(found.Count - errors == 1 ? "warning" : "warnings")}.");
    }
}

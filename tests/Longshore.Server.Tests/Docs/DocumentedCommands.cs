using System.Text;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Docs;

/// <summary>
/// The shell commands of a document: its <c>```sh</c> blocks, in order, as one script. A block whose info string carries the
/// word <c>illustrative</c> is for reading only; one with the word <see cref="Backends"/> names servers that have to be there first.
/// </summary>
internal static class DocumentedCommands
{
    /// <summary>Marks blocks that need PostgreSQL, S3 or another registry: <see cref="OperatorGuideTests"/> runs them.</summary>
    public const string Backends = "backends";

    /// <summary>README.md and everything below docs/ that has commands to run, as paths below the repository.</summary>
    public static IEnumerable<string> Documents() =>
        Directory.GetFiles(Path.Combine(RepositoryRoot.Path, "docs"), "*.md", SearchOption.AllDirectories)
            .Append(Path.Combine(RepositoryRoot.Path, "README.md"))
            .Where(File.Exists)
            .Where(path => Script(File.ReadAllText(path)) is not null)
            .Select(path => Path.GetRelativePath(RepositoryRoot.Path, path))
            .Order(StringComparer.Ordinal);

    /// <summary>The script of a document: it stops at the first command that fails, and says in which line the block begins.</summary>
    /// <param name="markdown">The document.</param>
    /// <param name="word">Only blocks with this word; null for those that need nothing but a server.</param>
    /// <returns>Null for a document without commands to run.</returns>
    public static string? Script(string markdown, string? word = null)
    {
        var script = new StringBuilder("set -euo pipefail\n");
        var blocks = 0;
        string? fence = null;
        var taken = false;
        var lines = markdown.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i].TrimEnd('\r');
            if (fence is null && line.StartsWith("```", StringComparison.Ordinal))
            {
                fence = line[..(line.Length - line.TrimStart('`').Length)];
                var words = line[fence.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
                taken = words is ["sh", ..] && (word is null ? words.Length == 1 : words.Contains(word));
                if (taken)
                {
                    blocks++;
                    script.Append("echo '+ block in line ").Append(i + 1).Append("' >&2\n");
                }
            }
            else if (fence is not null && line == fence)
            {
                fence = null;
                taken = false;
            }
            else if (taken)
            {
                script.Append(line).Append('\n');
            }
        }
        return blocks == 0 ? null : script.ToString();
    }
}

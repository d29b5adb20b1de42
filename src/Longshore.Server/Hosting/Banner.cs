using System.Globalization;
using System.Text;
using Longshore.Server.Access;

namespace Longshore.Server.Hosting;

/// <summary>
/// What the server says on standard output once it listens. Plain text, unwrapped: every line is for copying or, the
/// <c>Listening on</c> ones, for programs to read.
/// </summary>
internal static class Banner
{
    /// <summary>The text for a server bound to these addresses; a root key that was just generated is shown.</summary>
    /// <param name="options">The options.</param>
    /// <param name="addresses">Where it listens.</param>
    /// <param name="metrics">Where its metrics are; null for nowhere.</param>
    /// <param name="root">What was done about the root key.</param>
    public static string Text(ServeOptions options, IReadOnlyCollection<string> addresses, string? metrics, RootSetup root)
    {
        var text = new StringBuilder();
        foreach (var address in addresses) text.Append(CultureInfo.InvariantCulture, $"Listening on {address}\n");
        text.Append(CultureInfo.InvariantCulture, $"Data directory: {options.DataDirectory}\n");
        var credentials = File.Exists(options.CredentialsPath)
            ? options.CredentialsPath
            : $"not kept in a file; set them with {ServeOptions.RootKeyVariable} and {ServeOptions.RootSecretVariable}";
        text.Append(CultureInfo.InvariantCulture, $"Credentials:    {credentials}\n");
        if (metrics is not null) text.Append(CultureInfo.InvariantCulture, $"Metrics:        {metrics}\n");
        if (root is { Change: RootKeyChange.Generated, Credentials: { } made })
            text.Append(CultureInfo.InvariantCulture, $"\nThe root key of account {options.Account}, shown this once:\n  Access key id:     {made.AccessKeyId}\n  Secret access key: {made.SecretAccessKey}\n");
        var commands = ClientCommands.For(options, options.PublicUrl ?? ListenAddress.Reachable(addresses.First()));
        text.Append("\nLog in, create a repository, push an image:\n");
        text.Append(CultureInfo.InvariantCulture, $"  {commands.Login}\n  {commands.CreateRepository}\n  {commands.Push}\n");
        return text.ToString();
    }
}

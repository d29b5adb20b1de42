using Longshore.Core;
using Longshore.Server.Access;

namespace Longshore.Server.Hosting;

/// <summary>Sees to it at each start that the default account has a root principal with a key, and that its owner can find it.</summary>
internal sealed class RootPrincipal(PrincipalStore principals, ServeOptions options, ILogger<RootPrincipal> logger)
{
    /// <summary>Creates what is missing and writes the credentials file when a key was made or given.</summary>
    /// <returns>What was done, or why the given key cannot be the root's.</returns>
    /// <remarks>
    /// A given key is written to the file too: the commands of the banner and of <c>longshore env</c> read it there.
    /// </remarks>
    public async Task<Outcome<RootSetup>> EnsureAsync(CancellationToken cancellationToken)
    {
        var outcome = await principals.EnsureRootAsync(options.Account, options.Root, cancellationToken);
        if (!outcome.TryGet(out var setup, out var error)) return error;
        if (setup.Credentials is { } credentials) await CredentialsFile.WriteAsync(options.CredentialsPath, credentials, cancellationToken);
        else if (!File.Exists(options.CredentialsPath)) logger.CredentialsGone(options.CredentialsPath);
        return setup;
    }
}

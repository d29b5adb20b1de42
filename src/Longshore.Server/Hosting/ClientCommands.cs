namespace Longshore.Server.Hosting;

/// <summary>Shell commands that make stock clients talk to a server of ours.</summary>
/// <param name="Login">Logs docker in.</param>
/// <param name="CreateRepository">Creates the repository <c>hello</c>.</param>
/// <param name="Push">Makes an image of one file, without a network, and pushes it.</param>
internal sealed record ClientCommands(string Login, string CreateRepository, string Push)
{
    /// <summary>The commands for a server.</summary>
    /// <param name="options">Where the credentials are, and the region.</param>
    /// <param name="url">Scheme and authority under which the clients reach it.</param>
    /// <remarks>--endpoint-url rather than AWS_ENDPOINT_URL: Debian 12's aws 2.9.19 does not know the variable.</remarks>
    public static ClientCommands For(ServeOptions options, string url)
    {
        // Without the file the operator gave the key, and has it in these variables.
        var credentials = File.Exists(options.CredentialsPath)
            ? $"AWS_SHARED_CREDENTIALS_FILE={Quote(options.CredentialsPath)}"
            : $"AWS_ACCESS_KEY_ID=\"${ServeOptions.RootKeyVariable}\" AWS_SECRET_ACCESS_KEY=\"${ServeOptions.RootSecretVariable}\"";
        var host = new Uri(url).Authority;
        var aws = $"aws ecr --region {options.Region} --endpoint-url {url}";
        return new ClientCommands(
            $"{credentials} {aws} get-login-password | docker login --username AWS --password-stdin {host}",
            $"{credentials} {aws} create-repository --repository-name hello",
            $"tar -C /etc -c hostname | docker import - {host}/hello:1 && docker push {host}/hello:1");
    }

    /// <summary>The lines of <c>longshore env</c>, for <c>eval</c> by a POSIX shell.</summary>
    public static IEnumerable<string> Exports(ServeOptions options, string url)
    {
        yield return $"export AWS_ENDPOINT_URL={url}";
        yield return $"export AWS_ENDPOINT_URL_ECR={url}";
        yield return $"export AWS_ENDPOINT_URL_STS={url}";
        if (File.Exists(options.CredentialsPath))
        {
            yield return $"export AWS_SHARED_CREDENTIALS_FILE={Quote(options.CredentialsPath)}";
        }
        else
        {
            yield return $"export AWS_ACCESS_KEY_ID=\"${ServeOptions.RootKeyVariable}\"";
            yield return $"export AWS_SECRET_ACCESS_KEY=\"${ServeOptions.RootSecretVariable}\"";
        }
        yield return $"export AWS_REGION={options.Region}";
        yield return "# Log docker in (aws older than 2.13 needs --endpoint-url, newer ones take it from above):";
        yield return $"# {For(options, url).Login}";
    }

    private static string Quote(string text) =>
        text.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '_' or '-') ? text : "'" + text.Replace("'", @"'\''", StringComparison.Ordinal) + "'";
}

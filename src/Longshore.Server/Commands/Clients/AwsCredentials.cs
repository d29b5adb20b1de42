namespace Longshore.Server.Commands.Clients;

/// <summary>What a client command signs its requests with: found where the AWS CLI looks first.</summary>
/// <param name="AccessKeyId">The key.</param>
/// <param name="Secret">Its secret.</param>
/// <param name="SessionToken">With temporary credentials.</param>
internal sealed record AwsCredentials(string AccessKeyId, string Secret, string? SessionToken)
{
    /// <summary>From the environment, else from the shared credentials file; null when there are none.</summary>
    /// <param name="profile">The profile, which may be in the user's own file too, whatever file the environment names; null for AWS_PROFILE, else default.</param>
    public static AwsCredentials? Find(string? profile)
    {
        if (profile is null && Variable("AWS_ACCESS_KEY_ID") is { } id && Variable("AWS_SECRET_ACCESS_KEY") is { } secret)
            return new AwsCredentials(id, secret, Variable("AWS_SESSION_TOKEN"));
        var own = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".aws", "credentials");
        var file = Variable("AWS_SHARED_CREDENTIALS_FILE") ?? own;
        // "longshore env" names a file that has the server's key alone: who names a profile means one of his own.
        return In(file, profile) ?? (profile is not null && file != own ? In(own, profile) : null);
    }

    private static AwsCredentials? In(string file, string? profile) =>
        File.Exists(file) ? Read(File.ReadLines(file), profile ?? Variable("AWS_PROFILE") ?? "default") : null;

    private static AwsCredentials? Read(IEnumerable<string> lines, string profile)
    {
        var values = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var within = false;
        foreach (var line in lines.Select(static line => line.Trim()))
        {
            if (line.StartsWith('[')) within = line == $"[{profile}]";
            else if (within && line.IndexOf('=', StringComparison.Ordinal) is > 0 and var equals && line[0] is not ('#' or ';')) values[line[..equals].Trim()] = line[(equals + 1)..].Trim();
        }

        return values.TryGetValue("aws_access_key_id", out var id) && values.TryGetValue("aws_secret_access_key", out var secret)
            ? new AwsCredentials(id, secret, values.GetValueOrDefault("aws_session_token"))
            : null;
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}

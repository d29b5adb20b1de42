using Longshore.TestSupport.Processes;

namespace Longshore.TestSupport.Aws;

/// <summary>The environment in which <c>aws</c>, boto3 and the SDKs act as a server's root, and find nothing of the machine's own set-up.</summary>
public static class AwsEnvironment
{
    /// <summary>A new copy, to which a test may add.</summary>
    public static Dictionary<string, string?> Of(LongshoreProcess server) => new()
    {
        ["AWS_ACCESS_KEY_ID"] = server.Options.AccessKeyId,
        ["AWS_SECRET_ACCESS_KEY"] = server.Options.SecretAccessKey,
        ["AWS_SESSION_TOKEN"] = null,
        ["AWS_PROFILE"] = null,
        ["AWS_REGION"] = "us-east-1",
        ["AWS_DEFAULT_REGION"] = "us-east-1",
        ["AWS_CONFIG_FILE"] = "/dev/null",
        ["AWS_SHARED_CREDENTIALS_FILE"] = "/dev/null",
        ["AWS_EC2_METADATA_DISABLED"] = "true",
        ["AWS_PAGER"] = "",
        ["no_proxy"] = "127.0.0.1",
        ["NO_PROXY"] = "127.0.0.1",
    };
}

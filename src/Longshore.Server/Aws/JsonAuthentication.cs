using Longshore.Core.Aws;
using Longshore.Server.Access;

namespace Longshore.Server.Aws;

/// <summary>Refused signatures in the JSON protocol.</summary>
internal static class JsonAuthentication
{
    /// <summary>The answer.</summary>
    public static AwsReply Refuse(AuthenticationFailure failure) =>
        AwsReply.JsonError(new AwsErrorShape(failure.JsonName, failure.JsonName, AuthenticationFailure.JsonStatus, false), failure.Message);
}

using Longshore.Core.Aws;

namespace Longshore.Server.Aws;

/// <summary>What operations answer that the models have and this server does not offer yet.</summary>
internal static class NotOffered
{
    // In order: the first one that the operation's model lists. They are clients' errors, so that no SDK tries again.
    private static readonly string[] Preferred =
    [
        "UnsupportedCommandException",
        "ValidationException",
        "InvalidParameterException",
        "RegionDisabledException",
        "OutboundWebIdentityFederationDisabledException",
        "InvalidAuthorizationMessageException",
    ];

    // Of the query protocol's common errors; for an operation whose model lists none (STS GetAccessKeyInfo).
    private static readonly AwsErrorShape InvalidAction = new("InvalidAction", "InvalidAction", StatusCodes.Status400BadRequest, false);

    /// <summary>The error that the operation answers with.</summary>
    public static AwsErrorShape ErrorOf(AwsOperation operation)
    {
        foreach (var name in Preferred)
            if (operation.Errors.FirstOrDefault(shape => shape.Name == name) is { } shape) return shape;
        return InvalidAction;
    }

    /// <summary>What it says.</summary>
    public static string Message(AwsOperation operation) =>
        $"This Longshore server does not offer the operation {operation.Name} yet. docs/compatibility.md lists what it offers.";
}

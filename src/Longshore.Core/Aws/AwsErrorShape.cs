namespace Longshore.Core.Aws;

/// <summary>An exception an AWS model declares.</summary>
/// <param name="Name">The shape's name, such as <c>RepositoryNotFoundException</c>.</param>
/// <param name="Code">What travels: <c>__type</c> in JSON 1.1, <c>Code</c> in the query protocol. Mostly equal to the name.</param>
/// <param name="HttpStatus">The reply's status: 400 for clients' faults and 500 for ours unless the model says otherwise.</param>
/// <param name="IsServerFault">Whether the fault is ours; the query protocol then says <c>Receiver</c> instead of <c>Sender</c>.</param>
public sealed record AwsErrorShape(string Name, string Code, int HttpStatus, bool IsServerFault);

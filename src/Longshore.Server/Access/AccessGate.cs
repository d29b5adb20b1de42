using System.Diagnostics.CodeAnalysis;
using Longshore.Core;

namespace Longshore.Server.Access;

/// <summary>One thing that someone wants to do: what the gate decides about.</summary>
/// <param name="Principal">Who.</param>
/// <param name="Action">The IAM action, such as <c>ecr:PutImage</c>.</param>
/// <param name="Registry">The registry that the resource is in.</param>
/// <param name="Repository">The repository, or null for actions on the registry as a whole (resource <c>*</c>).</param>
internal readonly record struct AccessRequest(Principal Principal, string Action, RegistryId Registry, RepositoryName? Repository)
{
    /// <summary>The resource as policies name it.</summary>
    public string Resource => Repository is { } name ? Registry.RepositoryArn(name) : "*";
}

/// <summary>
/// The one gate: every route and every operation declares its action and resource, and asks here. Deny by default.
/// Identity, repository and registry policies join in here without a route being touched.
/// </summary>
internal sealed class AccessGate
{
    /// <summary>Null when the request is allowed, else the error that says why not, in ECR's words.</summary>
    [SuppressMessage("Performance", "CA1822", Justification = "An instance by design: the policy stores join it here.")]
    public RegistryError? Check(in AccessRequest request)
    {
        var principal = request.Principal;
        if (principal.Kind == PrincipalKind.Anonymous)
            return new RegistryError(ErrorCode.Unauthorized, "No credentials came with the request. Log in first: aws ecr get-login-password.");
        if (principal.Kind == PrincipalKind.Root && principal.Account == request.Registry.Account) return null;
        var based = principal.Account == request.Registry.Account ? "identity-based" : "resource-based";
        return new RegistryError(
            ErrorCode.Denied,
            $"User: {principal.Arn} is not authorized to perform: {request.Action} on resource: {request.Resource} because no {based} policy allows the {request.Action} action");
    }
}

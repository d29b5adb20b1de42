using System.Text;
using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Access;

namespace Longshore.Server.Ecr;

/// <summary>GetAuthorizationToken: a token names a registry, and gives the rights that its holder has there when it is used.</summary>
internal sealed class GetAuthorizationToken(RegistryTokens tokens) : EcrHandler<GetAuthorizationTokenRequest, GetAuthorizationTokenResponse>(EcrOperations.GetAuthorizationToken)
{
    protected override Outcome<EcrTarget> Locate(GetAuthorizationTokenRequest input, RegistryId home) => EcrTarget.OfRegistry(home);

    /// <summary>The user name of registry logins; the token is its password.</summary>
    private const string UserName = "AWS";

    protected override ValueTask<Outcome<GetAuthorizationTokenResponse>> HandleAsync(GetAuthorizationTokenRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        // Deprecated, and still how several registries are logged in to at once; each must be allowed by that registry's own policies.
        var accounts = input.RegistryIds is { Count: > 0 } ids ? ids : [target.Registry.Account];
        var data = new List<AuthorizationData>(accounts.Count);
        foreach (var account in accounts)
        {
            var token = tokens.Issue(call.Caller, target.Registry with { Account = account });
            data.Add(new AuthorizationData
            {
                AuthorizationToken = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{UserName}:{token.Value}")),
                ExpiresAt = token.ExpiresAt,
                // AWS has a host per registry; here the token itself names the registry, and this server's address serves all.
                ProxyEndpoint = call.Address.Url,
            });
        }

        return ValueTask.FromResult<Outcome<GetAuthorizationTokenResponse>>(new GetAuthorizationTokenResponse { AuthorizationData = data });
    }
}

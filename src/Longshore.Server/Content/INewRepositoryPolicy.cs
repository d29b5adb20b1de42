using Longshore.Storage.Metadata;

namespace Longshore.Server.Content;

/// <summary>
/// Gives a new repository its lifecycle policy, in the transaction that creates it: a repository made from a template never stands
/// without the policy of the template. Implemented by the capability that keeps lifecycle policies.
/// </summary>
internal interface INewRepositoryPolicy
{
    /// <summary>Writes the policy.</summary>
    /// <param name="session">The transaction.</param>
    /// <param name="repository">The repository, just created.</param>
    /// <param name="lifecyclePolicy">The policy's text; it was valid when it was put into the template.</param>
    ValueTask PutAsync(DbSession session, Repository repository, string lifecyclePolicy);
}

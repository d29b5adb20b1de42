namespace Longshore.Server.Access;

/// <summary>An access key with its secret and its owner. Only usable keys are made into one: neither key nor owner is disabled.</summary>
/// <param name="Id">The access key id.</param>
/// <param name="Secret">The secret, in the clear: SigV4 needs it.</param>
/// <param name="PrincipalId">The owner's row.</param>
/// <param name="Principal">The owner.</param>
internal sealed record AccessKey(string Id, string Secret, long PrincipalId, Principal Principal)
{
    /// <summary>For the key of a session: what its token carries; null for long-term keys.</summary>
    public SessionTicket? Ticket { get; init; }

    /// <summary>The id alone, so that no log can show the secret.</summary>
    public override string ToString() => Id;
}

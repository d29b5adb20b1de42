namespace Longshore.Server.Iam.Store;

/// <summary>A user, a group or a role as its row has it.</summary>
internal sealed record Entity(
    long Id,
    IamKind Kind,
    string Account,
    string Name,
    string Path,
    string UniqueId,
    DateTimeOffset CreatedAt,
    string? Description,
    string? TrustPolicy,
    long? MaxSessionSeconds,
    string? BoundaryArn,
    DateTimeOffset? LastUsedAt,
    string? LastUsedRegion)
{
    /// <summary>The ARN.</summary>
    public string Arn => IamArns.Of(Kind, Account, Path, Name);

    /// <summary>What names are compared by: they are unique without regard to case.</summary>
    public string NameKey => EntityRows.Key(Name);
}

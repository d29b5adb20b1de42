using Longshore.Core;

namespace Longshore.Server.Iam;

/// <summary>ARNs of IAM: <c>arn:aws:iam::ACCOUNT:KIND/PATH/NAME</c>.</summary>
internal static class IamArns
{
    /// <summary>What IAM counts as its region: it has none, and signatures are scoped to this one.</summary>
    public const string Region = "us-east-1";

    private const string Prefix = "arn:aws:iam::";

    /// <summary>The ARN of a user, group or role.</summary>
    public static string Of(IamKind kind, string account, string path, string name) => Make(account, kind.Word(), path, name);

    /// <summary>The ARN of a customer managed policy.</summary>
    public static string Policy(string account, string path, string name) => Make(account, "policy", path, name);

    /// <summary>The ARN of an identity provider; its url has no scheme.</summary>
    public static string Provider(string account, string url) => $"{Prefix}{account}:oidc-provider/{url}";

    /// <summary>The ARN of an account's root.</summary>
    public static string Root(string account) => $"{Prefix}{account}:root";

    /// <summary>The path and the name in the ARN of a policy of the account; null for every other text.</summary>
    public static (string Path, string Name)? ReadPolicy(string account, string arn) => Read(account, "policy", arn);

    /// <summary>Kind, path and name in the ARN of a user, group or role of the account; null for every other text.</summary>
    public static (IamKind Kind, string Path, string Name)? ReadEntity(string account, string arn)
    {
        foreach (var kind in IamKinds.All)
            if (Read(account, kind.Word(), arn) is { } parts) return (kind, parts.Path, parts.Name);
        return null;
    }

    /// <summary>The url in the ARN of an identity provider of the account; null for every other text.</summary>
    public static string? ReadProvider(string account, string arn)
    {
        var head = $"{Prefix}{account}:oidc-provider/";
        return arn.StartsWith(head, StringComparison.Ordinal) && arn.Length > head.Length ? arn[head.Length..] : null;
    }

    private static (string Path, string Name)? Read(string account, string word, string arn)
    {
        var head = $"{Prefix}{account}:{word}/";
        if (!arn.StartsWith(head, StringComparison.Ordinal)) return null;
        var slash = arn.LastIndexOf('/');
        var name = arn[(slash + 1)..];
        return name.Length == 0 ? null : (arn[(head.Length - 1)..(slash + 1)], name);
    }

    private static string Make(string account, string word, string path, string name) => $"{Prefix}{account}:{word}{path}{name}";

    /// <summary>The registry that calls of IAM are booked on.</summary>
    public static RegistryId Registry(string account) => new(account, Region);
}

namespace Longshore.Server.Iam;

/// <summary>What policies can be attached to.</summary>
internal enum IamKind
{
    /// <summary>A user.</summary>
    User,

    /// <summary>A group of users.</summary>
    Group,

    /// <summary>A role.</summary>
    Role,
}

/// <summary>What IAM says of the kinds: words, ids and quotas (IAM User Guide, "IAM and AWS STS quotas").</summary>
internal static class IamKinds
{
    /// <summary>All kinds, in the order of listings.</summary>
    public static IReadOnlyList<IamKind> All { get; } = [IamKind.Group, IamKind.Role, IamKind.User];

    /// <summary>As the database, ARNs and messages have it.</summary>
    public static string Word(this IamKind kind) => kind switch { IamKind.User => "user", IamKind.Group => "group", _ => "role" };

    /// <summary>With a capital.</summary>
    public static string Title(this IamKind kind) => kind switch { IamKind.User => "User", IamKind.Group => "Group", _ => "Role" };

    /// <summary>How unique ids begin.</summary>
    public static string IdPrefix(this IamKind kind) => kind switch { IamKind.User => "AIDA", IamKind.Group => "AGPA", _ => "AROA" };

    /// <summary>The most in an account.</summary>
    public static int PerAccount(this IamKind kind) => kind switch { IamKind.User => 5000, IamKind.Group => 300, _ => 1000 };

    /// <summary>All inline policies of one together, in characters without white space.</summary>
    public static int InlineCharacters(this IamKind kind) => kind switch { IamKind.User => 2048, IamKind.Group => 5120, _ => 10_240 };

    /// <summary>The kind of a word; null for others.</summary>
    public static IamKind? Of(string word) => word switch { "user" => IamKind.User, "group" => IamKind.Group, "role" => IamKind.Role, _ => null };
}

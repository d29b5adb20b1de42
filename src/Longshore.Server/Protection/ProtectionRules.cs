using System.Buffers;
using Longshore.Core;
using Longshore.Core.Lifecycle;

namespace Longshore.Server.Protection;

/// <summary>What a client may write into protections and usage reports.</summary>
internal static class ProtectionRules
{
    /// <summary>Longest id or name of a source, in characters.</summary>
    public const int MaxName = 128;

    /// <summary>Longest owner, in characters.</summary>
    public const int MaxOwner = 256;

    /// <summary>Longest reason, in characters.</summary>
    public const int MaxReason = 1024;

    /// <summary>Longest part of a workload, in characters: that of a DNS name.</summary>
    public const int MaxWorkloadPart = 253;

    /// <summary>Most patterns that one source covers.</summary>
    public const int MaxCovers = 100;

    /// <summary>Shortest and longest time to live of a source.</summary>
    public static readonly TimeSpan ShortestTimeToLive = TimeSpan.FromMinutes(1);

    /// <inheritdoc cref="ShortestTimeToLive"/>
    public static readonly TimeSpan LongestTimeToLive = TimeSpan.FromDays(30);

    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    private static readonly SearchValues<char> RepositoryCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789._-/*");
    private static readonly SearchValues<char> TagCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-*");

    /// <summary>What is wrong with the id of a protection or the name of a source; null when nothing is.</summary>
    public static RegistryError? CheckName(string parameter, string name) => name.Length is >= 1 and <= MaxName && !name.AsSpan().ContainsAnyExcept(NameCharacters)
        ? null
        : ProtectionErrors.Invalid(parameter, $"must have 1 to {MaxName} letters, digits, '.', '_' or '-'");

    /// <summary>What is wrong with a protection; null when nothing is.</summary>
    public static RegistryError? Check(ImageProtection protection, DateTimeOffset now)
    {
        if (CheckName("id", protection.Id) is { } wrong) return wrong;
        if (!IsRepositoryPattern(protection.Repository)) return ProtectionErrors.Invalid("repository", "must be a repository name, or a pattern of one in which * stands for any characters");
        if (protection.Kind == ProtectionKind.Digest && !Digest.TryParse(protection.Target, out _))
            return ProtectionErrors.Invalid("digest", "must be sha256: with 64 or sha512: with 128 lower-case hexadecimal digits");
        if (protection.Kind == ProtectionKind.Tag && (protection.Target.Length is < 1 or > TagName.MaxLength || protection.Target.AsSpan().ContainsAnyExcept(TagCharacters)))
            return ProtectionErrors.Invalid("tagPattern", "must be a tag, or a pattern of one in which * stands for any characters");
        if (!IsText(protection.Owner, MaxOwner)) return ProtectionErrors.Invalid("owner", $"must have 1 to {MaxOwner} characters, none of them a control character");
        if (!IsText(protection.Reason, MaxReason)) return ProtectionErrors.Invalid("reason", $"must have 1 to {MaxReason} characters, none of them a control character");
        return protection.IsActive(now) ? null : ProtectionErrors.Invalid("until", "must be in the future");
    }

    /// <summary>What is wrong with what a source says of itself; null when nothing is.</summary>
    public static RegistryError? Check(UsageReport report)
    {
        if (CheckName("source", report.Source) is { } wrong) return wrong;
        if (report.TimeToLive < ShortestTimeToLive || report.TimeToLive > LongestTimeToLive)
            return ProtectionErrors.Invalid("ttlSeconds", $"must be from {ShortestTimeToLive.TotalSeconds} to {LongestTimeToLive.TotalSeconds}");
        if (report.Covers.Count is < 1 or > MaxCovers || !report.Covers.All(IsRepositoryPattern))
            return ProtectionErrors.Invalid("covers", $"must hold 1 to {MaxCovers} repository names, or patterns of them in which * stands for any characters");
        for (var i = 0; i < report.Records.Count; i++)
            if (Check(report.Records[i]) is { } fault) return ProtectionErrors.Invalid($"records[{i}]", fault);
        return null;
    }

    private static string? Check(UsageEntry entry)
    {
        if (entry.Digest is null == entry.Tag is null) return "must have either digest or tag";
        var workload = entry.Workload;
        foreach (var part in new[] { workload.Kind, workload.Cluster, workload.Namespace, workload.Name })
            if (part is not null && !IsText(part, MaxWorkloadPart)) return $"a part of the workload must have 1 to {MaxWorkloadPart} characters, none of them a control character";
        return null;
    }

    private static bool IsRepositoryPattern(string? pattern) =>
        pattern is { Length: >= 1 and <= RepositoryName.MaxLength } && !pattern.AsSpan().ContainsAnyExcept(RepositoryCharacters)
        && (pattern.Contains('*', StringComparison.Ordinal) || RepositoryName.IsValid(pattern));

    private static bool IsText(string text, int longest) => text.Length >= 1 && text.Length <= longest && !string.IsNullOrWhiteSpace(text) && !text.Any(char.IsControl);
}

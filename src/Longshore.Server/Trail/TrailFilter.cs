using System.Text;

namespace Longshore.Server.Trail;

/// <summary>What a search asks for; null members ask for nothing.</summary>
internal sealed record TrailFilter
{
    // Kinds of values in summaries.
    public const char PrincipalKey = 'p';
    public const char AccessKeyKey = 'k';
    public const char EventKey = 'n';
    public const char RepositoryKey = 'r';
    public const char DigestKey = 'd';
    public const char TagKey = 't';
    public const char ErrorKey = 'e';
    public const char AddressKey = 'a';

    /// <summary>Records of this account's registries, and of its principals elsewhere; null: of all.</summary>
    public string? Account { get; init; }

    /// <summary>ARN of the caller, or of the role of the session.</summary>
    public string? Principal { get; init; }

    /// <summary>Access key id.</summary>
    public string? AccessKey { get; init; }

    /// <summary>API names, any of them.</summary>
    public IReadOnlyList<string> Events { get; init; } = [];

    /// <summary>Repository name.</summary>
    public string? Repository { get; init; }

    /// <summary>Digest.</summary>
    public string? Digest { get; init; }

    /// <summary>Tag.</summary>
    public string? Tag { get; init; }

    /// <summary>Name of the error.</summary>
    public string? ErrorCode { get; init; }

    /// <summary>Failed calls only.</summary>
    public bool Errors { get; init; }

    /// <summary>Client address.</summary>
    public string? Address { get; init; }

    /// <summary>Not before, microseconds since 1970.</summary>
    public long From { get; init; }

    /// <summary>Before.</summary>
    public long To { get; init; } = long.MaxValue;

    /// <summary>Only calls that change nothing, or only those that do.</summary>
    public bool? ReadOnly { get; init; }

    /// <summary>Whether a segment can hold a match.</summary>
    public bool MayBeIn(TrailSegmentInfo segment) => segment.Records > 0 && segment.To >= From && segment.From < To;

    /// <summary>Whether a segment whose values a summary knows can hold a match.</summary>
    public bool MayBeIn(TrailBloom values) =>
        Has(values, PrincipalKey, Principal) && Has(values, AccessKeyKey, AccessKey) && Has(values, RepositoryKey, Repository)
        && Has(values, DigestKey, Digest) && Has(values, TagKey, Tag) && Has(values, AddressKey, Address)
        && Has(values, ErrorKey, ErrorCode ?? (Errors ? "" : null))
        && (Events.Count == 0 || Events.Any(name => values.Contains(EventKey, name)));

    /// <summary>Texts that a matching line must hold, where no escaping can hide them.</summary>
    public List<byte[]> Needles()
    {
        var needles = new List<byte[]>();
        foreach (var text in (string?[])[Principal, AccessKey, Repository, Digest, Tag, ErrorCode == CloudTrailJson.OutcomeUnknown ? null : ErrorCode, Address, Events.Count == 1 ? Events[0] : null])
        {
            if (text is { Length: > 0 } && text.All(static c => char.IsAsciiLetterOrDigit(c) || "-_./:@".Contains(c, StringComparison.Ordinal))) needles.Add(Encoding.ASCII.GetBytes(text));
        }

        return needles;
    }

    /// <summary>Whether a record is asked for.</summary>
    public bool Matches(TrailRecord record)
    {
        if (!record.IsTold || record.At < From || record.At >= To) return false;
        if (Account is not null && record.Account != Account && record.CallerAccount != Account) return false;
        if (AccessKey is not null && record.Text("ak") != AccessKey) return false;
        if (Events.Count > 0 && !Events.Contains(record.Event, StringComparer.Ordinal)) return false;
        if (Repository is not null && record.Repository != Repository) return false;
        if (ErrorCode is not null && record.ErrorCode != ErrorCode) return false;
        if (Errors && record.ErrorCode is null) return false;
        if (Address is not null && record.Text("ip") != Address) return false;
        if (ReadOnly is { } reads && record.IsReadOnly != reads) return false;
        if (Principal is not null && !record.Keys().Contains((PrincipalKey, Principal))) return false;
        return (Digest is null || record.Digests.Contains(Digest, StringComparer.Ordinal)) && (Tag is null || record.Tags.Contains(Tag, StringComparer.Ordinal));
    }

    private static bool Has(TrailBloom values, char kind, string? value) => value is null || values.Contains(kind, value);
}

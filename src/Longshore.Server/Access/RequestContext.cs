using System.Collections.Frozen;
using System.Globalization;
using Longshore.Core.Policies;

namespace Longshore.Server.Access;

/// <summary>
/// The condition keys of one decision (ecr-behaviour, section 3; IAM User Guide, "AWS global condition context keys"): nothing is made before a
/// policy asks for it. There is no organization, and no service acts in anybody's name, so their keys are absent.
/// </summary>
internal sealed class RequestContext(AccessRequest request, OwnPolicies own, ResourceEntry resource, DateTimeOffset now) : IConditionContext
{
    private const string PrincipalTag = "aws:PrincipalTag/";
    private const string RequestTag = "aws:RequestTag/";
    private const string ResourceTag = "aws:ResourceTag/";
    private const string EcrResourceTag = "ecr:ResourceTag/";
    private const string DateFormat = "yyyy-MM-dd'T'HH:mm:ss'Z'";

    private static readonly FrozenDictionary<string, Func<RequestContext, string?>> Keys = new Dictionary<string, Func<RequestContext, string?>>
    {
        ["aws:SourceIp"] = static c => ClientAddress.Of(c.Http).ToString(),
        ["aws:SecureTransport"] = static c => ClientAddress.IsSecure(c.Http) ? "true" : "false",
        ["aws:UserAgent"] = static c => c.Header("User-Agent"),
        ["aws:referer"] = static c => c.Header("Referer"),
        ["aws:CurrentTime"] = static c => c.Now.UtcDateTime.ToString(DateFormat, CultureInfo.InvariantCulture),
        ["aws:EpochTime"] = static c => c.Now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
        ["aws:RequestedRegion"] = static c => c.Request.Registry.Region,
        ["aws:ResourceAccount"] = static c => c.Request.Registry.Account,
        ["aws:PrincipalAccount"] = static c => c.Caller.Account,
        // A role, whatever its session is called.
        ["aws:PrincipalArn"] = static c => c.Caller.RoleArn ?? c.Caller.Arn,
        ["aws:PrincipalType"] = static c => c.Caller.Kind switch { PrincipalKind.Root => "Account", PrincipalKind.User => "User", _ => "AssumedRole" },
        ["aws:PrincipalIsAWSService"] = static _ => "false",
        ["aws:ViaAWSService"] = static _ => "false",
        ["aws:userid"] = static c => c.Caller.UserId,
        ["aws:username"] = static c => c.Caller.Kind == PrincipalKind.User ? c.Caller.Name : null,
        ["aws:TokenIssueTime"] = static c => c.Caller.Session?.IssuedAt.UtcDateTime.ToString(DateFormat, CultureInfo.InvariantCulture),
        // Present for sessions alone, and no second factor exists here.
        ["aws:MultiFactorAuthPresent"] = static c => c.Caller.Session is null ? null : "false",
        ["aws:SourceIdentity"] = static c => c.Caller.Session?.SourceIdentity,
        ["aws:FederatedProvider"] = static c => c.Caller.Session?.FederatedProvider,
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    private static readonly FrozenSet<string> OfTheWire =
        new[] { "aws:SourceIp", "aws:SecureTransport", "aws:UserAgent", "aws:referer" }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    private HttpContext Http => request.Http;

    private AccessRequest Request => request;

    private Principal Caller => request.Caller.Principal;

    private DateTimeOffset Now => now;

    /// <summary>The keys that every request may have, for lists.</summary>
    public static IEnumerable<string> KnownKeys => Keys.Keys;

    /// <inheritdoc/>
    public IReadOnlyList<string>? Find(string key)
    {
        if (request.Conditions?.Find(key) is { } given) return given;
        if (Keys.TryGetValue(key, out var read)) return request.Hypothetical && OfTheWire.Contains(key) ? null : One(read(this));
        if (TryCut(key, PrincipalTag, out var tag))
            return One(Caller.Session is { } session && Find(session.Tags, tag) is { } value ? value : own.Tags.GetValueOrDefault(tag));
        if (TryCut(key, ResourceTag, out tag) || TryCut(key, EcrResourceTag, out tag)) return One(resource.Tags.GetValueOrDefault(tag));
        if (TryCut(key, RequestTag, out tag)) return request.RequestTags is { } tags ? One(Find(tags, tag)) : null;
        if (key.Equals("aws:TagKeys", StringComparison.OrdinalIgnoreCase)) return request.RequestTags is { Count: > 0 } keys ? [.. keys.Keys] : null;
        return null;
    }

    private string? Header(string name) => Http.Request.Headers[name] is { Count: 1 } value ? value.ToString() : null;

    private static string[]? One(string? value) => value is null ? null : [value];

    // Keys of tags compare without case in conditions.
    private static string? Find(IReadOnlyDictionary<string, string> tags, string key)
    {
        foreach (var (name, value) in tags)
            if (name.Equals(key, StringComparison.OrdinalIgnoreCase)) return value;
        return null;
    }

    private static bool TryCut(string key, string prefix, out string rest)
    {
        rest = key.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) ? key[prefix.Length..] : "";
        return rest.Length > 0;
    }
}

using System.Text.RegularExpressions;

namespace Longshore.Core;

/// <summary>A registry is the pair of an AWS account and a region, as in ECR. One server serves many.</summary>
/// <param name="Account">Twelve digits.</param>
/// <param name="Region">A region name such as <c>us-east-1</c>.</param>
public readonly partial record struct RegistryId(string Account, string Region)
{
    /// <summary>Whether the text is an account id: exactly twelve ASCII digits (ECR model, RegistryId).</summary>
    public static bool IsAccount(string? text) => text is { Length: 12 } && !text.AsSpan().ContainsAnyExceptInRange('0', '9');

    /// <summary>Whether the text has the form of an AWS region name.</summary>
    public static bool IsRegion(string? text) => text is not null && RegionPattern().IsMatch(text);

    /// <summary>The partition that ARNs of this region carry.</summary>
    public string Partition => Region.StartsWith("cn-", StringComparison.Ordinal) ? "aws-cn"
        : Region.StartsWith("us-gov-", StringComparison.Ordinal) ? "aws-us-gov" : "aws";

    /// <summary>The ARN of a repository in this registry.</summary>
    public string RepositoryArn(RepositoryName name) => $"arn:{Partition}:ecr:{Region}:{Account}:repository/{name}";

    /// <inheritdoc/>
    public override string ToString() => $"{Account}/{Region}";

    [GeneratedRegex(@"\A[a-z]{2,8}(-[a-z]{2,12}){1,2}-[0-9]{1,2}\z", RegexOptions.CultureInvariant)]
    private static partial Regex RegionPattern();
}

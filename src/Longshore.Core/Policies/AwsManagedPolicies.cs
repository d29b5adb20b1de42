using System.Collections.Frozen;

namespace Longshore.Core.Policies;

/// <summary>One of AWS's own policies, which every account has by the same ARN.</summary>
/// <param name="Name">The name, such as <c>AmazonEC2ContainerRegistryReadOnly</c>.</param>
/// <param name="Id">The unique id (<c>ANPA…</c>).</param>
/// <param name="Description">What it is for, in a sentence.</param>
/// <param name="Version">The number of its default version, as AWS counts.</param>
/// <param name="CreatedAt">When AWS made it.</param>
/// <param name="UpdatedAt">When AWS made the default version.</param>
/// <param name="Document">The statements, as a policy document.</param>
public sealed record AwsManagedPolicy(
    string Name, string Id, string Description, int Version, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, string Document)
{
    /// <summary>The ARN, which names no account.</summary>
    public string Arn => AwsManagedPolicies.ArnPrefix + Name;
}

/// <summary>
/// AWS's managed policies for ECR with the statements that AWS publishes ("AWS managed policies for Amazon Elastic Container Registry").
/// They have no row and cannot be changed.
/// </summary>
public static class AwsManagedPolicies
{
    /// <summary>What stands before the name.</summary>
    public const string ArnPrefix = "arn:aws:iam::aws:policy/";

    private const string Pull =
        """
                "ecr:GetAuthorizationToken",
                "ecr:BatchCheckLayerAvailability",
                "ecr:GetDownloadUrlForLayer",
                "ecr:GetRepositoryPolicy",
                "ecr:DescribeRepositories",
                "ecr:ListImages",
                "ecr:DescribeImages",
                "ecr:BatchGetImage",
                "ecr:GetLifecyclePolicy",
                "ecr:GetLifecyclePolicyPreview",
                "ecr:ListTagsForResource",
                "ecr:DescribeImageScanFindings"
        """;

    private const string Head =
        """
        {
          "Version": "2012-10-17",
          "Statement": [
            {
              "Effect": "Allow",
              "Action": [

        """;

    private const string Tail =
        """

              ],
              "Resource": "*"
            }
          ]
        }
        """;

    /// <summary>All of them, by name.</summary>
    public static IReadOnlyList<AwsManagedPolicy> All { get; } =
    [
        new("AmazonEC2ContainerRegistryFullAccess",
            "ANPAIESRL7KD7IIVF6V4W",
            "Provides administrative access to Amazon ECR resources",
            3,
            new DateTimeOffset(2015, 12, 21, 17, 6, 48, TimeSpan.Zero),
            new DateTimeOffset(2020, 12, 5, 0, 4, 0, TimeSpan.Zero),
            """
            {
              "Version": "2012-10-17",
              "Statement": [
                {
                  "Effect": "Allow",
                  "Action": [
                    "ecr:*",
                    "cloudtrail:LookupEvents"
                  ],
                  "Resource": "*"
                },
                {
                  "Effect": "Allow",
                  "Action": [
                    "iam:CreateServiceLinkedRole"
                  ],
                  "Resource": "*",
                  "Condition": {
                    "StringEquals": {
                      "iam:AWSServiceName": [
                        "replication.ecr.amazonaws.com"
                      ]
                    }
                  }
                }
              ]
            }
            """),
        new("AmazonEC2ContainerRegistryPowerUser",
            "ANPAJDNE5PIHROIBGGDDW",
            "Provides full access to Amazon EC2 Container Registry repositories, but does not allow repository deletion or policy changes.",
            3,
            new DateTimeOffset(2015, 12, 21, 17, 5, 33, TimeSpan.Zero),
            new DateTimeOffset(2019, 12, 10, 20, 48, 0, TimeSpan.Zero),
            Head + Pull
            + """
              ,
                      "ecr:InitiateLayerUpload",
                      "ecr:UploadLayerPart",
                      "ecr:CompleteLayerUpload",
                      "ecr:PutImage"
              """
            + Tail),
        new("AmazonEC2ContainerRegistryPullOnly",
            "ANPAZKAPJZG4LONGSHORE",
            "Provides access to pull images from Amazon ECR, also through pull through cache rules",
            1,
            new DateTimeOffset(2024, 10, 10, 0, 0, 0, TimeSpan.Zero),
            new DateTimeOffset(2024, 10, 10, 0, 0, 0, TimeSpan.Zero),
            Head
            + """
                      "ecr:GetAuthorizationToken",
                      "ecr:BatchImportUpstreamImage",
                      "ecr:BatchGetImage",
                      "ecr:GetDownloadUrlForLayer"
              """
            + Tail),
        new("AmazonEC2ContainerRegistryReadOnly",
            "ANPAIFYZPA37OOHVIH7KQ",
            "Provides read-only access to Amazon EC2 Container Registry repositories.",
            3,
            new DateTimeOffset(2015, 12, 21, 17, 4, 15, TimeSpan.Zero),
            new DateTimeOffset(2019, 12, 10, 20, 56, 0, TimeSpan.Zero),
            Head + Pull + Tail),
    ];

    private static readonly FrozenDictionary<string, AwsManagedPolicy> ByArn = All.ToFrozenDictionary(policy => policy.Arn, StringComparer.Ordinal);

    /// <summary>The policy of an ARN, or null when AWS has none of it that concerns this server.</summary>
    public static AwsManagedPolicy? Find(string arn) => ByArn.GetValueOrDefault(arn);
}

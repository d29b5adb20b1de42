using Longshore.Core.Tests.Policies.BruteForce;

namespace Longshore.Core.Tests.Policies;

/// <summary>The small alphabet that random scenes are made of: few words, so that things meet.</summary>
internal static class SceneWords
{
    public const string Here = "111122223333";
    public const string There = "444455556666";
    public const string Provider = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com";

    public static readonly Who[] People =
    [
        new("user", Here, $"arn:aws:iam::{Here}:user/alice"),
        new("user", Here, $"arn:aws:iam::{Here}:user/ci/bob"),
        new("user", There, $"arn:aws:iam::{There}:user/alice"),
        new("session", Here, $"arn:aws:sts::{Here}:assumed-role/deploy/s1", $"arn:aws:iam::{Here}:role/deploy"),
        new("session", Here, $"arn:aws:sts::{Here}:assumed-role/deploy/s2", $"arn:aws:iam::{Here}:role/deploy"),
        new("session", There, $"arn:aws:sts::{There}:assumed-role/deploy/s1", $"arn:aws:iam::{There}:role/ci/deploy"),
        new("root", Here, $"arn:aws:iam::{Here}:root"),
        new("root", There, $"arn:aws:iam::{There}:root"),
    ];

    public static readonly Who[] Outsiders =
    [
        new("web", "", Provider, Provider: Provider),
        new("service", "", "ecr.amazonaws.com", Provider: "ecr.amazonaws.com"),
    ];

    /// <summary>Callers without an account, who have no policies of their own.</summary>
    public static readonly Who[] Strangers = [new("anonymous", "", "anonymous"), new("service", "", "ecr.amazonaws.com", Provider: "ecr.amazonaws.com")];

    public static readonly string[] PrincipalEntries =
    [
        "*", Here, There, $"arn:aws:iam::{Here}:root", $"arn:aws:iam::{There}:root",
        $"arn:aws:iam::{Here}:user/alice", $"arn:aws:iam::{Here}:user/ci/bob", $"arn:aws:iam::{There}:user/alice",
        $"arn:aws:iam::{Here}:role/deploy", $"arn:aws:iam::{There}:role/ci/deploy",
        $"arn:aws:sts::{Here}:assumed-role/deploy/s1", $"arn:aws:sts::{There}:assumed-role/deploy/s1",
    ];

    public static readonly string[] Actions = ["ecr:BatchGetImage", "ecr:BatchGetImage", "ecr:PutImage", "ecr:GetAuthorizationToken", "ecr-public:PutImage"];

    public static readonly string[] ActionPatterns =
    [
        "*", "ecr:*", "ecr:BatchGetImage", "ecr:batchgetimage", "ECR:Batch*", "ecr:*Image", "ecr:PutImag?", "ecr:?utImage", "ecr-public:*",
        "ecr:*et*m*", "ecr:GetAuthorizationToken", "ecr:Put*", "iam:*", "ecr:BatchGetImage?",
    ];

    public static readonly string[] TrustActions = ["sts:AssumeRole", "sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:TagSession"];

    public static readonly string[] TrustActionPatterns =
        ["*", "sts:*", "sts:AssumeRole", "sts:assumerole", "sts:AssumeRole*", "sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:?ssume*", "ecr:*"];

    public static readonly string[] Resources =
    [
        $"arn:aws:ecr:eu-west-1:{Here}:repository/app", $"arn:aws:ecr:eu-west-1:{Here}:repository/app",
        $"arn:aws:ecr:eu-west-1:{Here}:repository/team/app", $"arn:aws:ecr:us-east-1:{Here}:repository/team/web",
        $"arn:aws:ecr:eu-west-1:{There}:repository/app", $"arn:aws:ecr:eu-west-1:{There}:repository/team/app", "*",
    ];

    public static readonly string[] ResourcePatterns =
    [
        "*", "*", "arn:aws:ecr:*:*:repository/app", $"arn:aws:ecr:eu-west-1:{Here}:repository/*", $"arn:aws:ecr:eu-west-?:{Here}:repository/app",
        "arn:*:ecr:*:*:*", "arn:aws:ecr:*:1111*:repository/*pp", "arn:aws:ecr:eu-west-1:*:repository/t?am/*", "arn:aws:*:repository/app:*:*",
        $"arn:aws:ecr:*:{Here}:repository/${{aws:PrincipalTag/team}}/*", $"arn:aws:ecr:eu-west-1:*:repository/${{aws:username, 'app'}}",
        "arn:aws:ecr:*:*:repository/${*}", "arn:aws:ecr:*:*:repository/team/a${?}p", "arn:aws:ecr:*:*:repository/*${aws:PrincipalTag/team}*",
        "arn:aws:ecr:us-*:*:*", "arn:aws:ecr:*:*:*app", "arn:aws:s3:::app", "arn:aws:ecr:eu-west-1:${aws:username}:repository/*", "arn:aws:ecr:*:*:${aws:username}", "arn:aws:ecr:*:${aws:ResourceTag/env, '111122223333'}:repository/*",
    ];

    public const string RoleHere = $"arn:aws:iam::{Here}:role/deploy";
    public const string RoleThere = $"arn:aws:iam::{There}:role/ci/deploy";

    public static readonly string[] RolePatterns =
        ["*", RoleHere, RoleThere, $"arn:aws:iam::{Here}:role/*", "arn:aws:iam::*:role/*deploy", "arn:aws:iam::*:role/${aws:PrincipalTag/team, 'deploy'}"];

    public static readonly string[] StringKeys = ["aws:PrincipalTag/team", "aws:username", "aws:ResourceTag/env", "aws:TagKeys"];
    public static readonly string[] StringValues = ["team", "app", "Team", "*", "t?am", "", "${*}", "a*b", "t*", "111122223333", "111122223333:repository/app", "repository/app"];

    public static readonly string[] StringPatterns =
        ["team", "app", "TEAM", "*", "t?am", "t*", "", "*a*", "${*}", "${?}", "${$}{*}", "${aws:username}", "${AWS:UserName}", "${aws:PrincipalTag/team, 'app'}", "*${aws:ResourceTag/env}*", "a${*}b"];

    public const string NumberKey = "aws:MultiFactorAuthAge";
    public static readonly string[] Numbers = ["0", "5", "5.0", "10", "-1", "4.99"];
    public static readonly string[] DateKeys = ["aws:CurrentTime", "aws:EpochTime"];
    public static readonly string[] Dates =
        ["2026-01-01T00:00:00Z", "1767225600", "2026-01-01T01:00:00+01:00", "2026-01-01", "2026-06-30T12:00:00Z", "2025-12-31T23:59:59Z", "1767225599"];

    public const string BoolKey = "aws:SecureTransport";
    public static readonly string[] Bools = ["true", "false"];
    public const string AddressKey = "aws:SourceIp";
    public static readonly string[] Addresses = ["203.0.113.7", "203.0.113.128", "10.0.0.1", "2001:db8::7", "2001:db9::1", "::ffff:203.0.113.7"];

    public static readonly string[] Ranges =
        ["203.0.113.0/24", "203.0.113.0/25", "203.0.113.7", "203.0.113.7/32", "0.0.0.0/0", "::/0", "2001:db8::/32", "2001:db8::7/128", "10.0.0.0/8", "::ffff:203.0.113.7"];

    public static readonly string[] ArnKeys = ["aws:SourceArn", "aws:PrincipalArn"];

    public static readonly string[] Arns =
        [$"arn:aws:iam::{Here}:user/alice", $"arn:aws:iam::{Here}:role/deploy", $"arn:aws:iam::{There}:role/ci/deploy", $"arn:aws:ecr:eu-west-1:{Here}:repository/app"];

    public static readonly string[] ArnPatterns =
    [
        $"arn:aws:iam::{Here}:user/alice", "arn:aws:iam::*:role/*", $"arn:aws:*:*:{Here}:*", $"arn:aws:iam::{Here}:user/${{aws:username}}", "arn:aws:iam:*:*:*/deploy",
        "arn:aws:iam::*:user/a?ice", "${aws:PrincipalArn}", "arn:aws:iam::${aws:username}:user/*", "*", "arn:aws:ecr:*:*:repository/${aws:PrincipalTag/team, 'app'}",
    ];

    public const string BinaryKey = "key:Bytes";
    public static readonly string[] Bytes = ["QUJD", "QUI=", ""];

    public static readonly string[] IllFormed = ["x", "", "2026-13-01T00:00:00Z", "300.0.0.1", "5,0", "1/2"];
}

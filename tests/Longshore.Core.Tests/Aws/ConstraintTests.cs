using System.Diagnostics;
using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Longshore.Core.Aws;
using Longshore.Core.Aws.Ecr;
using Longshore.Core.Aws.EcrPublic;
using Longshore.Core.Aws.Sts;
using Tag = Longshore.Core.Aws.Ecr.Tag;

namespace Longshore.Core.Tests.Aws;

public sealed class ConstraintTests
{
    private static readonly char[] NameCharacters = [.. "abz059._-/", 'A', '\n', ' ', '٣', 'é', 'ａ', '\0'];

    [Fact]
    public void A_valid_request_has_no_violations() =>
        Assert.Empty(EcrConstraints.Validate(new Core.Aws.Ecr.CreateRepositoryRequest
        {
            RegistryId = "123456789012",
            RepositoryName = "team/app",
            ImageTagMutability = ImageTagMutabilityValues.ImmutableWithExclusion,
            Tags = [new Tag { Key = "owner", Value = "" }],
        }));

    [Fact]
    public void Every_violation_is_reported_with_its_path()
    {
        var violations = EcrConstraints.Validate(new Core.Aws.Ecr.CreateRepositoryRequest
        {
            RegistryId = "12",
            ImageTagMutability = "SOMETIMES",
            Tags = [new Tag { Key = "owner", Value = "me" }, null!, new Tag { Value = "x" }],
        });
        Assert.Equal(
            [
                new("registryId", "12", "Member must satisfy regular expression pattern: [0-9]{12}"),
                new("repositoryName", "null", "must not be null"),
                new("tags.2.member", "null", "must not be null"),
                new("tags.3.member.Key", "null", "must not be null"),
                new("imageTagMutability", "SOMETIMES",
                    "Member must satisfy enum value set: [MUTABLE, IMMUTABLE, IMMUTABLE_WITH_EXCLUSION, MUTABLE_WITH_EXCLUSION]"),
            ],
            violations);
    }

    [Fact]
    public void Messages_have_the_services_forms()
    {
        var violations = EcrConstraints.Validate(new Core.Aws.Ecr.DescribeRepositoriesRequest { RegistryId = "x", MaxResults = 0 });
        Assert.Equal(
            "Invalid parameter at 'registryId' failed to satisfy constraint: 'Member must satisfy regular expression pattern: [0-9]{12}'; "
            + "Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value greater than or equal to 1'",
            ConstraintMessages.InvalidParameter(violations));
        Assert.Equal(
            "2 validation errors detected: Value 'x' at 'registryId' failed to satisfy constraint: "
            + "Member must satisfy regular expression pattern: [0-9]{12}; Value '0' at 'maxResults' failed to satisfy constraint: "
            + "Member must have value greater than or equal to 1",
            ConstraintMessages.ValidationError(violations));
        Assert.Equal(
            "1 validation error detected: Value 'null' at 'repositoryName' failed to satisfy constraint: Member must not be null",
            ConstraintMessages.ValidationError(EcrConstraints.Validate(new Core.Aws.Ecr.CreateRepositoryRequest())));
    }

    [Theory]
    [InlineData("latest\n")]
    [InlineData("team/app\n")]
    [InlineData("\nteam")]
    [InlineData("te\u0661am")]
    [InlineData("Team")]
    [InlineData("team//app")]
    [InlineData("team/")]
    [InlineData("a..b")]
    [InlineData("team.")]
    [InlineData("teäm")]
    public void Names_outside_the_pattern_are_refused(string name) =>
        Assert.Contains("pattern", Assert.Single(Validate(name)).Constraint, StringComparison.Ordinal);

    [Theory]
    [InlineData("12345678901\u0662")]
    [InlineData("123456789012\n")]
    [InlineData("１２３４５６７８９０１２")]
    public void Unicode_digits_and_newlines_are_no_account_ids(string id) =>
        Assert.Single(EcrConstraints.Validate(new Core.Aws.Ecr.DescribeRepositoriesRequest { RegistryId = id }));

    [Fact]
    public void Repository_names_match_exactly_the_grammar_of_the_model()
    {
        var names = Gen.Elements(NameCharacters).ArrayOf().Where(name => name.Length is >= 2 and <= 40).Select(name => new string(name)).ToArbitrary();
        Prop.ForAll(names, name => Validate(name).Count == 0 == IsRepositoryName(name))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
    }

    [Fact]
    public void Names_built_from_the_grammar_are_accepted()
    {
        var part = Gen.Elements("a", "b2", "0", "zz");
        var component = from first in part
                        from rest in (from separator in Gen.Elements(".", "_", "__", "-", "---") from next in part select separator + next).ArrayOf()
                        select first + string.Concat(rest.Take(5));
        var names = component.NonEmptyListOf().Select(parts => string.Join('/', parts.Take(5))).Where(name => name.Length >= 2).ToArbitrary();
        Prop.ForAll(names, name => Validate(name).Count == 0).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Lengths_count_code_points()
    {
        static IReadOnlyList<ConstraintViolation> Of(int whales) => EcrConstraints.Validate(new Core.Aws.Ecr.PutImageRequest
        {
            RepositoryName = "app",
            ImageManifest = "{}",
            ImageTag = string.Concat(Enumerable.Repeat("🐳", whales)),
        });
        Assert.Empty(Of(300));
        Assert.Equal("Member must have length less than or equal to 300", Assert.Single(Of(301)).Constraint);
        Assert.Equal("Member must have length greater than or equal to 2", Assert.Single(Validate("a")).Constraint);
    }

    [Fact]
    public void Hostile_names_take_linear_time()
    {
        var filter = new string('a', 254) + "!";
        var started = Stopwatch.GetTimestamp();
        var violations = EcrConstraints.Validate(new PutRegistryScanningConfigurationRequest
        {
            Rules =
            [
                new RegistryScanningRule
                {
                    ScanFrequency = "MANUAL",
                    RepositoryFilters = [new ScanningRepositoryFilter { Filter = filter, FilterType = "WILDCARD" }],
                },
            ],
        });
        Assert.Equal("rules.1.member.repositoryFilters.1.member.filter", Assert.Single(violations).Path);
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void Violations_are_bounded_and_values_shortened()
    {
        var names = Enumerable.Range(0, 100).Select(i => "A" + i.ToString(CultureInfo.InvariantCulture) + new string('x', 1000)).ToList();
        var violations = EcrConstraints.Validate(new Core.Aws.Ecr.DescribeRepositoriesRequest { RepositoryNames = names });
        Assert.Equal(100, violations.Count);
        Assert.All(violations, violation => Assert.True(violation.Value!.Length <= 257));
        var tooMany = EcrConstraints.Validate(new Core.Aws.Ecr.DescribeRepositoriesRequest { RepositoryNames = [.. names, .. names] });
        Assert.Equal("Member must have length less than or equal to 100", Assert.Single(tooMany).Constraint);
    }

    [Fact]
    public void Secrets_are_neither_quoted_nor_printed()
    {
        var request = new AssumeRoleRequest { RoleArn = "arn:aws:iam::123456789012:role/r", RoleSessionName = "me", TokenCode = "12345x" };
        var violation = Assert.Single(StsConstraints.Validate(request));
        Assert.Equal("TokenCode", violation.Path);
        Assert.Null(violation.Value);
        Assert.DoesNotContain("12345x", ConstraintMessages.ValidationError([violation]), StringComparison.Ordinal);
        Assert.DoesNotContain("12345x", request.ToString(), StringComparison.Ordinal);
        var reply = new AssumeRoleResponse { Credentials = new Credentials { SecretAccessKey = "hush" } };
        Assert.DoesNotContain("hush", reply.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Ünïcode key", true)]
    [InlineData("𝔘𝟘", true)]
    [InlineData("🐳", false)]
    [InlineData("a#b", false)]
    public void Categories_are_those_of_code_points(string key, bool accepted) =>
        Assert.Equal(accepted, StsConstraints.Validate(new AssumeRoleRequest
        {
            RoleArn = "arn:aws:iam::123456789012:role/r",
            RoleSessionName = "me",
            Tags = [new Core.Aws.Sts.Tag { Key = key, Value = "" }],
        }).Count == 0);

    [Fact]
    public void The_public_registry_has_its_own_limits() =>
        Assert.Equal(
            "Member must have length less than or equal to 205",
            Assert.Single(EcrPublicConstraints.Validate(new Core.Aws.EcrPublic.CreateRepositoryRequest { RepositoryName = new string('a', 206) })).Constraint);

    private static IReadOnlyList<ConstraintViolation> Validate(string name) =>
        EcrConstraints.Validate(new Core.Aws.Ecr.CreateRepositoryRequest { RepositoryName = name });

    /// <summary>The model's grammar once more, by hand: components of [a-z0-9]+ joined by ".", "_", "__" or hyphens.</summary>
    private static bool IsRepositoryName(string name) => name.Split('/').All(component =>
    {
        if (component.Length == 0 || !IsAlphanumeric(component[0]) || !IsAlphanumeric(component[^1])) return false;
        for (var i = 0; i < component.Length;)
        {
            var start = i;
            while (i < component.Length && !IsAlphanumeric(component[i])) i++;
            var separator = component[start..i];
            if (separator is not ("" or "." or "_" or "__") && separator.Any(c => c != '-')) return false;
            while (i < component.Length && IsAlphanumeric(component[i])) i++;
        }

        return true;
    });

    private static bool IsAlphanumeric(char c) => c is (>= 'a' and <= 'z') or (>= '0' and <= '9');
}

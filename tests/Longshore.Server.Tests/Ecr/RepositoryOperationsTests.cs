using System.Text.Json;

namespace Longshore.Server.Tests.Ecr;

[Collection(EcrCollection.Name)]
public sealed class RepositoryOperationsTests(EcrFixture ecr)
{
    [Fact]
    public async Task A_repository_is_created_with_what_was_asked_for()
    {
        var name = ecr.NewName();
        var answer = await ecr.CallAsync("CreateRepository", new
        {
            repositoryName = name,
            tags = new[] { new { Key = "team", Value = "a b" } },
            imageTagMutability = "IMMUTABLE_WITH_EXCLUSION",
            imageTagMutabilityExclusionFilters = new[] { new { filterType = "WILDCARD", filter = "latest*" } },
            imageScanningConfiguration = new { scanOnPush = true },
            encryptionConfiguration = new { encryptionType = "AES256" },
        });
        var repository = answer.GetProperty("repository");
        Assert.Equal($"arn:aws:ecr:us-east-1:{EcrFixture.Account}:repository/{name}", repository.GetProperty("repositoryArn").GetString());
        Assert.Equal(EcrFixture.Account, repository.GetProperty("registryId").GetString());
        Assert.Equal($"{ecr.Server.BaseAddress.Authority}/{name}", repository.GetProperty("repositoryUri").GetString());
        Assert.Equal("IMMUTABLE_WITH_EXCLUSION", repository.GetProperty("imageTagMutability").GetString());
        Assert.Equal("latest*", repository.GetProperty("imageTagMutabilityExclusionFilters")[0].GetProperty("filter").GetString());
        Assert.True(repository.GetProperty("imageScanningConfiguration").GetProperty("scanOnPush").GetBoolean());
        Assert.Equal("AES256", repository.GetProperty("encryptionConfiguration").GetProperty("encryptionType").GetString());
        Assert.Equal(JsonValueKind.Number, repository.GetProperty("createdAt").ValueKind);
        Assert.InRange(DateTimeOffset.UnixEpoch.AddSeconds(repository.GetProperty("createdAt").GetDouble()), TimeProvider.System.GetUtcNow().AddMinutes(-1), TimeProvider.System.GetUtcNow().AddMinutes(1));

        var found = await ecr.CallAsync("DescribeRepositories", new { repositoryNames = new[] { name } });
        Assert.Equal(repository.GetRawText(), found.GetProperty("repositories")[0].GetRawText());
        Assert.Equal(
            $"The repository with name '{name}' already exists in the registry with id '{EcrFixture.Account}'",
            await ecr.RefusedAsync("RepositoryAlreadyExistsException", "CreateRepository", new { repositoryName = name }));
    }

    [Theory]
    [InlineData("InvalidParameterException", """{"repositoryName":"Upper"}""")]
    [InlineData("InvalidParameterException", """{"repositoryName":"a"}""")]
    [InlineData("InvalidParameterException", """{"repositoryName":"../etc"}""")]
    [InlineData("InvalidParameterException", """{}""")]
    [InlineData("InvalidParameterException", """{"repositoryName":"x/kms","encryptionConfiguration":{"encryptionType":"KMS"}}""")]
    [InlineData("InvalidParameterException", """{"repositoryName":"x/kms","encryptionConfiguration":{"encryptionType":"KMS_DSSE","kmsKey":"k"}}""")]
    [InlineData("InvalidParameterException", """{"repositoryName":"x/kms","encryptionConfiguration":{"encryptionType":"AES256","kmsKey":"k"}}""")]
    [InlineData("InvalidParameterException", """{"repositoryName":"x/m","imageTagMutability":"SOMETIMES"}""")]
    [InlineData("InvalidParameterException", """{"repositoryName":"x/m","imageTagMutability":"IMMUTABLE_WITH_EXCLUSION"}""")]
    [InlineData("InvalidParameterException", """{"repositoryName":"x/m","imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"a*"}]}""")]
    [InlineData("InvalidParameterException", """{"repositoryName":"x/m","imageTagMutability":"MUTABLE_WITH_EXCLUSION","imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"a/b"}]}""")]
    [InlineData("InvalidTagParameterException", """{"repositoryName":"x/t","tags":[{"Key":"aws:x","Value":""}]}""")]
    [InlineData("InvalidTagParameterException", """{"repositoryName":"x/t","tags":[{"Key":"","Value":""}]}""")]
    [InlineData("InvalidTagParameterException", """{"repositoryName":"x/t","tags":[{"Key":"a","Value":"1"},{"Key":"a","Value":"2"}]}""")]
    [InlineData("InvalidTagParameterException", """{"repositoryName":"x/t","tags":[{"Key":"a","Value":"<&>"}]}""")]
    public async Task A_repository_that_breaks_a_rule_is_refused(string error, string input)
    {
        await ecr.RefusedAsync(error, "CreateRepository", JsonSerializer.Deserialize<JsonElement>(input));
    }

    [Fact]
    public async Task More_than_fifty_tags_are_refused_and_long_ones_too()
    {
        var many = Enumerable.Range(0, 51).Select(i => new { Key = $"k{i}", Value = "v" }).ToArray();
        await ecr.RefusedAsync("TooManyTagsException", "CreateRepository", new { repositoryName = ecr.NewName(), tags = many });
        var name = await ecr.NewRepositoryAsync(new { tags = many[..50] });
        var arn = Arn(name);
        await ecr.RefusedAsync("TooManyTagsException", "TagResource", new { resourceArn = arn, tags = many[50..] });
        await ecr.RefusedAsync("InvalidTagParameterException", "TagResource", new { resourceArn = arn, tags = new[] { new { Key = new string('k', 129), Value = "v" } } });
        await ecr.RefusedAsync("InvalidTagParameterException", "TagResource", new { resourceArn = arn, tags = new[] { new { Key = "k", Value = new string('v', 257) } } });
        Assert.Equal(50, (await ecr.CallAsync("ListTagsForResource", new { resourceArn = arn })).GetProperty("tags").GetArrayLength());
    }

    [Fact]
    public async Task Tags_are_added_replaced_and_taken_away()
    {
        var arn = Arn(await ecr.NewRepositoryAsync(new { tags = new[] { new { Key = "b", Value = "1" } } }));
        await ecr.CallAsync("TagResource", new { resourceArn = arn, tags = new[] { new { Key = "b", Value = "2" }, new { Key = "a", Value = "ä" } } });
        var tags = (await ecr.CallAsync("ListTagsForResource", new { resourceArn = arn })).GetProperty("tags");
        Assert.Equal(["a=ä", "b=2"], tags.EnumerateArray().Select(tag => $"{tag.GetProperty("Key")}={tag.GetProperty("Value")}"));
        await ecr.CallAsync("UntagResource", new { resourceArn = arn, tagKeys = new[] { "b", "never-there" } });
        tags = (await ecr.CallAsync("ListTagsForResource", new { resourceArn = arn })).GetProperty("tags");
        Assert.Equal("a", Assert.Single(tags.EnumerateArray()).GetProperty("Key").GetString());
        await ecr.RefusedAsync("InvalidTagParameterException", "UntagResource", new { resourceArn = arn, tagKeys = new[] { "aws:x" } });
    }

    [Theory]
    [InlineData("arn:aws:ecr:us-east-1:123456789012:repository/no-such", "RepositoryNotFoundException")]
    [InlineData("arn:aws:ecr:eu-west-1:123456789012:repository/no-such", "RepositoryNotFoundException")]
    [InlineData("arn:aws:ecr:us-east-1:999999999999:repository/no-such", "AccessDeniedException")]
    [InlineData("arn:aws:ecr:us-east-1:123456789012:repository/", "InvalidParameterException")]
    [InlineData("arn:aws:ecr:us-east-1:123456789012:image/x", "InvalidParameterException")]
    [InlineData("arn:aws-cn:ecr:us-east-1:123456789012:repository/xx", "InvalidParameterException")]
    [InlineData("arn:aws:s3:us-east-1:123456789012:repository/xx", "InvalidParameterException")]
    [InlineData("arn:aws:ecr:us-east-1:12345678901:repository/xx", "InvalidParameterException")]
    [InlineData("x", "InvalidParameterException")]
    public async Task An_arn_that_names_nothing_here_is_refused(string arn, string error)
    {
        await ecr.RefusedAsync(error, "ListTagsForResource", new { resourceArn = arn });
        await ecr.RefusedAsync(error, "TagResource", new { resourceArn = arn, tags = new[] { new { Key = "k", Value = "v" } } });
        await ecr.RefusedAsync(error, "UntagResource", new { resourceArn = arn, tagKeys = new[] { "k" } });
    }

    [Fact]
    public async Task Named_repositories_come_in_the_order_asked_for_and_all_must_be_there()
    {
        var (one, two) = (await ecr.NewRepositoryAsync(), await ecr.NewRepositoryAsync());
        var answer = await ecr.CallAsync("DescribeRepositories", new { repositoryNames = new[] { two, one } });
        Assert.Equal([two, one], answer.GetProperty("repositories").EnumerateArray().Select(r => r.GetProperty("repositoryName").GetString()));
        await ecr.RefusedAsync("RepositoryNotFoundException", "DescribeRepositories", new { repositoryNames = new[] { one, "no-such" } });
        await ecr.RefusedAsync("InvalidParameterException", "DescribeRepositories", new { repositoryNames = new[] { one }, maxResults = 5 });
        await ecr.RefusedAsync("InvalidParameterException", "DescribeRepositories", new { repositoryNames = new[] { one }, nextToken = "x" });
        await ecr.RefusedAsync("AccessDeniedException", "DescribeRepositories", new { repositoryNames = new[] { one }, registryId = "999999999999" });
    }

    [Fact]
    public async Task Repositories_come_in_pages()
    {
        for (var i = 0; i < 5; i++) await ecr.NewRepositoryAsync();
        var names = new List<string>();
        string? next = null;
        do
        {
            var page = await ecr.CallAsync("DescribeRepositories", next is null ? new { maxResults = 2 } : new { maxResults = 2, nextToken = next });
            var repositories = page.GetProperty("repositories");
            Assert.InRange(repositories.GetArrayLength(), 1, 2);
            names.AddRange(repositories.EnumerateArray().Select(r => r.GetProperty("repositoryName").GetString()!));
            next = page.TryGetProperty("nextToken", out var token) ? token.GetString() : null;
        }
        while (next is not null);
        var all = (await ecr.CallAsync("DescribeRepositories", new { maxResults = 1000 })).GetProperty("repositories");
        Assert.Equal(all.EnumerateArray().Select(r => r.GetProperty("repositoryName").GetString()), names);
        Assert.Equal(names.Order(StringComparer.Ordinal), names);
        await ecr.RefusedAsync("InvalidParameterException", "DescribeRepositories", new { nextToken = "garbage" });
        await ecr.RefusedAsync("InvalidParameterException", "DescribeRepositories", new { maxResults = 0 });
        await ecr.RefusedAsync("InvalidParameterException", "DescribeRepositories", new { maxResults = 1001 });
    }

    [Fact]
    public async Task A_repository_with_images_is_deleted_only_by_force()
    {
        var name = await ecr.NewRepositoryAsync();
        await ecr.PushAsync(name, 1, "v1");
        Assert.Equal(
            $"The repository with name '{name}' in registry with id '{EcrFixture.Account}' cannot be deleted because it still contains images",
            await ecr.RefusedAsync("RepositoryNotEmptyException", "DeleteRepository", new { repositoryName = name }));
        var answer = await ecr.CallAsync("DeleteRepository", new { repositoryName = name, force = true });
        Assert.Equal(name, answer.GetProperty("repository").GetProperty("repositoryName").GetString());
        await ecr.RefusedAsync("RepositoryNotFoundException", "DeleteRepository", new { repositoryName = name });
        await ecr.CallAsync("DeleteRepository", new { repositoryName = await ecr.NewRepositoryAsync() });
    }

    [Fact]
    public async Task Tag_mutability_is_set_and_enforced()
    {
        var name = await ecr.NewRepositoryAsync();
        var image = await ecr.PushAsync(name, 1, "v1");
        var answer = await ecr.CallAsync("PutImageTagMutability", new
        {
            repositoryName = name,
            imageTagMutability = "MUTABLE_WITH_EXCLUSION",
            imageTagMutabilityExclusionFilters = new[] { new { filterType = "WILDCARD", filter = "v*" } },
        });
        Assert.Equal("MUTABLE_WITH_EXCLUSION", answer.GetProperty("imageTagMutability").GetString());
        Assert.Equal("v*", answer.GetProperty("imageTagMutabilityExclusionFilters")[0].GetProperty("filter").GetString());
        var manifest = System.Text.Encoding.UTF8.GetString(image.Content);
        // Even with the same digest.
        Assert.Equal(
            $"The image tag 'v1' already exists in the '{name}' repository and cannot be overwritten because the repository is immutable.",
            await ecr.RefusedAsync("ImageTagAlreadyExistsException", "PutImage", new { repositoryName = name, imageManifest = manifest, imageTag = "v1" }));
        await ecr.CallAsync("PutImage", new { repositoryName = name, imageManifest = manifest, imageTag = "free" });
        answer = await ecr.CallAsync("PutImageTagMutability", new { repositoryName = name, imageTagMutability = "MUTABLE" });
        Assert.False(answer.TryGetProperty("imageTagMutabilityExclusionFilters", out _));
        await ecr.RefusedAsync("InvalidParameterException", "PutImageTagMutability", new { repositoryName = name, imageTagMutability = "IMMUTABLE_WITH_EXCLUSION" });
        await ecr.RefusedAsync("RepositoryNotFoundException", "PutImageTagMutability", new { repositoryName = "no-such", imageTagMutability = "MUTABLE" });
    }

    [Fact]
    public async Task The_scanning_configuration_is_kept()
    {
        var name = await ecr.NewRepositoryAsync();
        var answer = await ecr.CallAsync("PutImageScanningConfiguration", new { repositoryName = name, imageScanningConfiguration = new { scanOnPush = true } });
        Assert.True(answer.GetProperty("imageScanningConfiguration").GetProperty("scanOnPush").GetBoolean());
        var found = await ecr.CallAsync("DescribeRepositories", new { repositoryNames = new[] { name } });
        Assert.True(found.GetProperty("repositories")[0].GetProperty("imageScanningConfiguration").GetProperty("scanOnPush").GetBoolean());
        await ecr.RefusedAsync("RepositoryNotFoundException", "PutImageScanningConfiguration", new { repositoryName = "no-such", imageScanningConfiguration = new { } });
    }

    private static string Arn(string name) => $"arn:aws:ecr:us-east-1:{EcrFixture.Account}:repository/{name}";
}

using System.Text.Json;
using Longshore.TestSupport.Aws;

namespace Longshore.Server.Tests.Ecr;

[Collection(EcrCollection.Name)]
public sealed class CreationTemplateTests(EcrFixture ecr)
{
    private const string Role = "arn:aws:iam::123456789012:role/ecr-templates";

    [Fact]
    public async Task A_template_is_created_described_updated_and_deleted()
    {
        using var client = ClientOf("af-south-1");
        var created = await client.InvokeAsync(
            "CreateRepositoryCreationTemplate",
            JsonSerializer.Serialize(new
            {
                prefix = "team/a/",
                description = "ours",
                appliedFor = new[] { "CREATE_ON_PUSH", "REPLICATION", "CREATE_ON_PUSH" },
                imageTagMutability = "IMMUTABLE_WITH_EXCLUSION",
                imageTagMutabilityExclusionFilters = new[] { new { filterType = "WILDCARD", filter = "dev*" } },
                encryptionConfiguration = new { encryptionType = "AES256", kmsKey = "" },
                resourceTags = new[] { new { Key = "z", Value = "1" }, new { Key = "a", Value = "2" } },
                lifecyclePolicy = Policy,
                customRoleArn = Role,
            }),
            EcrFixture.Token);
        Assert.Equal(EcrFixture.Account, created.GetProperty("registryId").GetString());
        var template = created.GetProperty("repositoryCreationTemplate");
        Assert.Equal("team/a", template.GetProperty("prefix").GetString());
        Assert.Equal("ours", template.GetProperty("description").GetString());
        Assert.Equal(["CREATE_ON_PUSH", "REPLICATION"], template.GetProperty("appliedFor").EnumerateArray().Select(each => each.GetString()!));
        Assert.Equal("IMMUTABLE_WITH_EXCLUSION", template.GetProperty("imageTagMutability").GetString());
        Assert.Equal("""[{"filterType":"WILDCARD","filter":"dev*"}]""", template.GetProperty("imageTagMutabilityExclusionFilters").GetRawText());
        Assert.Equal("""{"encryptionType":"AES256"}""", template.GetProperty("encryptionConfiguration").GetRawText());
        Assert.Equal("""[{"Key":"a","Value":"2"},{"Key":"z","Value":"1"}]""", template.GetProperty("resourceTags").GetRawText());
        Assert.Equal(Policy, template.GetProperty("lifecyclePolicy").GetString());
        Assert.Equal(Role, template.GetProperty("customRoleArn").GetString());
        Assert.Equal(JsonValueKind.Number, template.GetProperty("createdAt").ValueKind);
        Assert.Equal(template.GetProperty("createdAt").GetRawText(), template.GetProperty("updatedAt").GetRawText());
        Assert.Equal(template.GetRawText(), (await DescribeAsync(client, "team/a"))[0].GetRawText());

        using var twice = await client.CallAsync("CreateRepositoryCreationTemplate", """{"prefix":"team/a","appliedFor":["REPLICATION"]}""", EcrFixture.Token);
        Assert.Equal("TemplateAlreadyExistsException", twice.ErrorType);

        var updated = await client.InvokeAsync(
            "UpdateRepositoryCreationTemplate", """{"prefix":"team/a","imageTagMutability":"MUTABLE","resourceTags":[],"customRoleArn":"","lifecyclePolicy":""}""", EcrFixture.Token);
        var after = updated.GetProperty("repositoryCreationTemplate");
        Assert.Equal("ours", after.GetProperty("description").GetString());
        Assert.Equal("MUTABLE", after.GetProperty("imageTagMutability").GetString());
        Assert.False(after.TryGetProperty("imageTagMutabilityExclusionFilters", out _));
        Assert.Equal("[]", after.GetProperty("resourceTags").GetRawText());
        Assert.False(after.TryGetProperty("customRoleArn", out _));
        Assert.Equal("", after.GetProperty("lifecyclePolicy").GetString());
        Assert.Equal(template.GetProperty("createdAt").GetRawText(), after.GetProperty("createdAt").GetRawText());
        Assert.True(after.GetProperty("updatedAt").GetDouble() >= template.GetProperty("updatedAt").GetDouble());

        var deleted = await client.InvokeAsync("DeleteRepositoryCreationTemplate", """{"prefix":"team/a/"}""", EcrFixture.Token);
        Assert.Equal(after.GetRawText(), deleted.GetProperty("repositoryCreationTemplate").GetRawText());
        Assert.Empty(await DescribeAsync(client, "team/a"));
        foreach (var operation in (string[])["DeleteRepositoryCreationTemplate", "UpdateRepositoryCreationTemplate"])
        {
            using var missing = await client.CallAsync(operation, """{"prefix":"team/a"}""", EcrFixture.Token);
            Assert.Equal("TemplateNotFoundException", missing.ErrorType);
        }
    }

    [Fact]
    public async Task Templates_come_by_pages()
    {
        using var client = ClientOf("af-south-2");
        foreach (var prefix in (string[])["b", "ROOT", "a/b", "a"])
            await client.InvokeAsync("CreateRepositoryCreationTemplate", JsonSerializer.Serialize(new { prefix, appliedFor = new[] { "CREATE_ON_PUSH" } }), EcrFixture.Token);
        var seen = new List<string?>();
        string? next = null;
        do
        {
            var page = await client.InvokeAsync("DescribeRepositoryCreationTemplates", JsonSerializer.Serialize(new { maxResults = 3, nextToken = next }), EcrFixture.Token);
            seen.AddRange(page.GetProperty("repositoryCreationTemplates").EnumerateArray().Select(each => each.GetProperty("prefix").GetString()));
            next = page.TryGetProperty("nextToken", out var token) ? token.GetString() : null;
        }
        while (next is not null);
        Assert.Equal(["ROOT", "a", "a/b", "b"], seen);
        Assert.Equal(["b", "a"], (await DescribeAsync(client, "b/", "no-such", "a", "b")).Select(each => each.GetProperty("prefix").GetString()!));
        using var both = await client.CallAsync("DescribeRepositoryCreationTemplates", """{"prefixes":["a"],"maxResults":3}""", EcrFixture.Token);
        Assert.Equal("InvalidParameterException", both.ErrorType);
    }

    [Theory]
    [InlineData("""{"prefix":"x","appliedFor":[]}""", "appliedFor")]
    [InlineData("""{"prefix":"x"}""", "appliedFor")]
    [InlineData("""{"prefix":"x","appliedFor":["OFTEN"]}""", "appliedFor")]
    [InlineData("""{"prefix":"Upper","appliedFor":["CREATE_ON_PUSH"]}""", "prefix")]
    [InlineData("""{"prefix":"x","appliedFor":["CREATE_ON_PUSH"],"encryptionConfiguration":{"encryptionType":"KMS"}}""", "encryptionConfiguration.encryptionType")]
    [InlineData("""{"prefix":"x","appliedFor":["CREATE_ON_PUSH"],"repositoryPolicy":"{}"}""", "repositoryPolicy")]
    [InlineData("""{"prefix":"x","appliedFor":["CREATE_ON_PUSH"],"lifecyclePolicy":"nonsense"}""", "lifecyclePolicy")]
    [InlineData("""{"prefix":"x","appliedFor":["CREATE_ON_PUSH"],"lifecyclePolicy":"{\"rules\":[{\"rulePriority\":0}]}"}""", "lifecyclePolicy")]
    [InlineData("""{"prefix":"x","appliedFor":["CREATE_ON_PUSH"],"resourceTags":[{"Key":"a","Value":"b"}]}""", "customRoleArn")]
    [InlineData("""{"prefix":"x","appliedFor":["CREATE_ON_PUSH"],"customRoleArn":"arn:aws:iam::123456789012:user/u"}""", "customRoleArn")]
    [InlineData("""{"prefix":"x","appliedFor":["CREATE_ON_PUSH"],"imageTagMutability":"IMMUTABLE_WITH_EXCLUSION"}""", "imageTagMutabilityExclusionFilters")]
    [InlineData("""{"prefix":"x","appliedFor":["CREATE_ON_PUSH"],"imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"a"}]}""", "imageTagMutabilityExclusionFilters")]
    public async Task A_template_that_breaks_a_rule_is_refused(string input, string parameter)
    {
        var message = await ecr.RefusedAsync("InvalidParameterException", "CreateRepositoryCreationTemplate", JsonSerializer.Deserialize<JsonElement>(input));
        Assert.StartsWith($"Invalid parameter at '{parameter}", message, StringComparison.Ordinal);
    }

    private const string Policy =
        """{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":14},"action":{"type":"expire"}}]}""";

    private static async Task<List<JsonElement>> DescribeAsync(EcrClient client, params string[] prefixes) =>
        [.. (await client.InvokeAsync("DescribeRepositoryCreationTemplates", JsonSerializer.Serialize(new { prefixes }), EcrFixture.Token)).GetProperty("repositoryCreationTemplates").EnumerateArray()];

    private EcrClient ClientOf(string region) => new(ecr.Server.BaseAddress, ecr.Server.Options.AccessKeyId, ecr.Server.Options.SecretAccessKey, region);
}

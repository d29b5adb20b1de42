using System.Net;
using System.Text.Json;
using Longshore.Server.Tests.Iam;
using Longshore.TestSupport.Aws;

namespace Longshore.Server.Tests.Access;

/// <summary>Templates give policies to repositories: who may not give them one has no template do it.</summary>
[Collection(IamCollection.Name)]
public sealed class TemplateRightsTests(IamFixture iam)
{
    private const string OpenToAll = """{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:*"}]}""";
    private const string Lifecycle = """{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]}""";

    [Fact]
    public async Task Template_with_policies_needs_the_right_to_set_them()
    {
        var (_, key) = await iam.NewUserWithKeyAsync(
            """
            {"Version":"2012-10-17","Statement":[
              {"Effect":"Allow","Action":["ecr:CreateRepositoryCreationTemplate","ecr:UpdateRepositoryCreationTemplate"],"Resource":"*"},
              {"Effect":"Allow","Action":["ecr:SetRepositoryPolicy","ecr:PutLifecyclePolicy"],"Resource":"arn:aws:ecr:*:*:repository/mine/*"}]}
            """);
        using var ecr = new EcrClient(iam.Server.BaseAddress, key.Id, key.Secret);
        foreach (var (prefix, allowed) in new[] { ("theirs", false), ("ROOT", false), ("mine", true) })
        {
            Assert.Equal(allowed, await CallAsync(ecr, "CreateRepositoryCreationTemplate", new { prefix, appliedFor = new[] { "CREATE_ON_PUSH" }, repositoryPolicy = OpenToAll }));
            if (!allowed) Assert.True(await CallAsync(ecr, "CreateRepositoryCreationTemplate", new { prefix, appliedFor = new[] { "CREATE_ON_PUSH" } }));
            Assert.Equal(allowed, await CallAsync(ecr, "UpdateRepositoryCreationTemplate", new { prefix, repositoryPolicy = OpenToAll }));
            Assert.Equal(allowed, await CallAsync(ecr, "UpdateRepositoryCreationTemplate", new { prefix, lifecyclePolicy = Lifecycle }));
            await CallAsync(new EcrClient(iam.Server.BaseAddress, iam.Server.Options.AccessKeyId, iam.Server.Options.SecretAccessKey), "DeleteRepositoryCreationTemplate", new { prefix });
        }
    }

    private static async Task<bool> CallAsync(EcrClient ecr, string operation, object input)
    {
        using var answer = await ecr.CallAsync(operation, JsonSerializer.Serialize(input), IamFixture.Token);
        if (answer.Status == HttpStatusCode.OK) return true;
        Assert.Contains("is not authorized to perform", answer.ToString(), StringComparison.Ordinal);
        return false;
    }
}

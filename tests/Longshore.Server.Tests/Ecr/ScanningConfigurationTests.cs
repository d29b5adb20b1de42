using System.Text.Json;
using Longshore.TestSupport.Aws;

namespace Longshore.Server.Tests.Ecr;

[Collection(EcrCollection.Name)]
public sealed class ScanningConfigurationTests(EcrFixture ecr)
{
    [Fact]
    public async Task A_configuration_is_kept_and_told_again()
    {
        using var client = ClientOf("sa-east-1");
        var none = await client.InvokeAsync("GetRegistryScanningConfiguration", "{}", EcrFixture.Token);
        Assert.Equal("""{"scanType":"BASIC","rules":[]}""", none.GetProperty("scanningConfiguration").GetRawText());
        Assert.Equal(EcrFixture.Account, none.GetProperty("registryId").GetString());
        const string Enhanced =
            """
            {"scanType":"ENHANCED","rules":[{"scanFrequency":"SCAN_ON_PUSH","repositoryFilters":[{"filter":"*","filterType":"WILDCARD"}]},{"scanFrequency":"CONTINUOUS_SCAN","repositoryFilters":[{"filter":"prod","filterType":"WILDCARD"}]}]}
            """;
        var put = await client.InvokeAsync("PutRegistryScanningConfiguration", Enhanced, EcrFixture.Token);
        Assert.Equal(Enhanced, put.GetProperty("registryScanningConfiguration").GetRawText());
        Assert.Equal(Enhanced, (await client.InvokeAsync("GetRegistryScanningConfiguration", "{}", EcrFixture.Token)).GetProperty("scanningConfiguration").GetRawText());
    }

    [Theory]
    [InlineData("BASIC", "us-west-1", "no-rule MANUAL False|own SCAN_ON_PUSH True|team/prod-a SCAN_ON_PUSH True prod|x/suffix MANUAL False|xsuffixx MANUAL False", "prod")]
    [InlineData("BASIC", "us-west-2", "no-rule MANUAL False|own SCAN_ON_PUSH True|team/prod-a MANUAL False|x/suffix SCAN_ON_PUSH True *suffix|xsuffixx MANUAL False", "*suffix")]
    [InlineData("BASIC", "us-west-3", "no-rule MANUAL False|own SCAN_ON_PUSH True|team/prod-a SCAN_ON_PUSH True team*|x/suffix SCAN_ON_PUSH True x*|xsuffixx SCAN_ON_PUSH True x*", "team*", "x*")]
    [InlineData("BASIC", "us-west-4", "no-rule MANUAL False|own SCAN_ON_PUSH True|team/prod-a SCAN_ON_PUSH True t*prod*a|x/suffix MANUAL False|xsuffixx MANUAL False", "t*prod*a")]
    public async Task Filters_find_their_repositories(string type, string region, string expected, params string[] filters)
    {
        using var client = await WithRepositoriesAsync(region);
        var rules = new[] { new { scanFrequency = "SCAN_ON_PUSH", repositoryFilters = filters.Select(filter => new { filter, filterType = "WILDCARD" }) } };
        await client.InvokeAsync("PutRegistryScanningConfiguration", JsonSerializer.Serialize(new { scanType = type, rules }), EcrFixture.Token);
        Assert.Equal(expected, await DescribeAsync(client));
    }

    [Fact]
    public async Task In_enhanced_scanning_continuous_wins_and_the_repositories_own_setting_does_not_count()
    {
        using var client = await WithRepositoriesAsync("us-west-5");
        await client.InvokeAsync(
            "PutRegistryScanningConfiguration",
            """{"scanType":"ENHANCED","rules":[{"scanFrequency":"SCAN_ON_PUSH","repositoryFilters":[{"filter":"prod","filterType":"WILDCARD"},{"filter":"x*","filterType":"WILDCARD"}]},{"scanFrequency":"CONTINUOUS_SCAN","repositoryFilters":[{"filter":"team/*","filterType":"WILDCARD"}]}]}""",
            EcrFixture.Token);
        Assert.Equal(
            "no-rule MANUAL False|own MANUAL False|team/prod-a CONTINUOUS_SCAN True team/*|x/suffix SCAN_ON_PUSH True x*|xsuffixx SCAN_ON_PUSH True x*",
            await DescribeAsync(client));
    }

    [Fact]
    public async Task Missing_repositories_are_failures_and_others_come_once_in_their_order()
    {
        var name = await ecr.NewRepositoryAsync();
        var answer = await ecr.CallAsync("BatchGetRepositoryScanningConfiguration", new { repositoryNames = new[] { "no-such", name, name } });
        var found = Assert.Single(answer.GetProperty("scanningConfigurations").EnumerateArray());
        Assert.Equal($"arn:aws:ecr:us-east-1:{EcrFixture.Account}:repository/{name}", found.GetProperty("repositoryArn").GetString());
        Assert.Equal(
            $$"""{"repositoryName":"no-such","failureCode":"REPOSITORY_NOT_FOUND","failureReason":"The repository with name 'no-such' does not exist in the registry with id '{{EcrFixture.Account}}'"}""",
            Assert.Single(answer.GetProperty("failures").EnumerateArray()).GetRawText());
    }

    [Theory]
    [InlineData("PutRegistryScanningConfiguration", """{"scanType":"SOMETIMES"}""")]
    [InlineData("PutRegistryScanningConfiguration", """{"rules":[{"scanFrequency":"CONTINUOUS_SCAN","repositoryFilters":[]}]}""")]
    [InlineData("PutRegistryScanningConfiguration", """{"scanType":"ENHANCED","rules":[{"scanFrequency":"MANUAL","repositoryFilters":[]}]}""")]
    [InlineData("PutRegistryScanningConfiguration", """{"rules":[{"scanFrequency":"SCAN_ON_PUSH"}]}""")]
    [InlineData("PutRegistryScanningConfiguration", """{"rules":[{"scanFrequency":"SCAN_ON_PUSH","repositoryFilters":[{"filter":"A","filterType":"WILDCARD"}]}]}""")]
    [InlineData("PutRegistryScanningConfiguration", """{"rules":[{"scanFrequency":"SCAN_ON_PUSH","repositoryFilters":[]},{"scanFrequency":"SCAN_ON_PUSH","repositoryFilters":[]},{"scanFrequency":"SCAN_ON_PUSH","repositoryFilters":[]}]}""")]
    [InlineData("BatchGetRepositoryScanningConfiguration", """{"repositoryNames":[]}""")]
    [InlineData("BatchGetRepositoryScanningConfiguration", """{"repositoryNames":["a1","a2","a3","a4","a5","a6","a7","a8","a9","b1","b2","b3","b4","b5","b6","b7","b8","b9","c1","c2","c3","c4","c5","c6","c7","c8"]}""")]
    public async Task What_breaks_a_rule_is_refused(string operation, string input) =>
        await ecr.RefusedAsync("InvalidParameterException", operation, JsonSerializer.Deserialize<JsonElement>(input));

    [Fact]
    public async Task More_than_a_hundred_filters_are_refused()
    {
        var filters = Enumerable.Range(0, 101).Select(i => new { filter = $"f{i}", filterType = "WILDCARD" });
        await ecr.RefusedAsync("InvalidParameterException", "PutRegistryScanningConfiguration", new { rules = new[] { new { scanFrequency = "SCAN_ON_PUSH", repositoryFilters = filters } } });
    }

    private async Task<EcrClient> WithRepositoriesAsync(string region)
    {
        var client = ClientOf(region);
        foreach (var name in (string[])["no-rule", "team/prod-a", "x/suffix", "xsuffixx"]) await client.CreateRepositoryAsync(name, EcrFixture.Token);
        await client.InvokeAsync("CreateRepository", """{"repositoryName":"own","imageScanningConfiguration":{"scanOnPush":true}}""", EcrFixture.Token);
        return client;
    }

    private static async Task<string> DescribeAsync(EcrClient client)
    {
        var answer = await client.InvokeAsync(
            "BatchGetRepositoryScanningConfiguration", """{"repositoryNames":["no-rule","own","team/prod-a","x/suffix","xsuffixx"]}""", EcrFixture.Token);
        return string.Join('|', answer.GetProperty("scanningConfigurations").EnumerateArray().Select(each => string.Join(
            ' ',
            (string?[])[
                each.GetProperty("repositoryName").GetString(),
                each.GetProperty("scanFrequency").GetString(),
                each.GetProperty("scanOnPush").GetBoolean().ToString(),
                .. each.GetProperty("appliedScanFilters").EnumerateArray().Select(filter => filter.GetProperty("filter").GetString())])));
    }

    private EcrClient ClientOf(string region) => new(ecr.Server.BaseAddress, ecr.Server.Options.AccessKeyId, ecr.Server.Options.SecretAccessKey, region);
}

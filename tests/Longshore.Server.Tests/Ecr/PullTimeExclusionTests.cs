using System.Text.Json;
using Longshore.TestSupport.Aws;

namespace Longshore.Server.Tests.Ecr;

[Collection(EcrCollection.Name)]
public sealed class PullTimeExclusionTests(EcrFixture ecr)
{
    [Fact]
    public async Task Principals_are_registered_listed_by_pages_and_deregistered()
    {
        using var client = ClientOf("eu-north-1");
        string[] principals = ["arn:aws:iam::123456789012:role/ci/scanner", "arn:aws:iam::123456789012:role/warmer", "arn:aws:iam::999999999999:user/mirror"];
        foreach (var principal in principals.Reverse())
        {
            var answer = await client.InvokeAsync("RegisterPullTimeUpdateExclusion", Of(principal), EcrFixture.Token);
            Assert.Equal(principal, answer.GetProperty("principalArn").GetString());
            Assert.Equal(JsonValueKind.Number, answer.GetProperty("createdAt").ValueKind);
        }

        using var twice = await client.CallAsync("RegisterPullTimeUpdateExclusion", Of(principals[0]), EcrFixture.Token);
        Assert.Equal("ExclusionAlreadyExistsException", twice.ErrorType);
        var first = await client.InvokeAsync("ListPullTimeUpdateExclusions", """{"maxResults":2}""", EcrFixture.Token);
        Assert.Equal(principals[..2], Listed(first));
        var second = await client.InvokeAsync(
            "ListPullTimeUpdateExclusions", JsonSerializer.Serialize(new { maxResults = 2, nextToken = first.GetProperty("nextToken").GetString() }), EcrFixture.Token);
        Assert.Equal(principals[2..], Listed(second));
        Assert.False(second.TryGetProperty("nextToken", out _));

        var gone = await client.InvokeAsync("DeregisterPullTimeUpdateExclusion", Of(principals[1]), EcrFixture.Token);
        Assert.Equal(principals[1], gone.GetProperty("principalArn").GetString());
        using var again = await client.CallAsync("DeregisterPullTimeUpdateExclusion", Of(principals[1]), EcrFixture.Token);
        Assert.Equal("ExclusionNotFoundException", again.ErrorType);
        Assert.Equal([principals[0], principals[2]], Listed(await client.InvokeAsync("ListPullTimeUpdateExclusions", "{}", EcrFixture.Token)));
        Assert.Empty(Listed(await ecr.CallAsync("ListPullTimeUpdateExclusions", new { })));
    }

    [Fact]
    public async Task There_are_a_hundred_at_most()
    {
        using var client = ClientOf("eu-north-2");
        for (var i = 0; i < 100; i++) await client.InvokeAsync("RegisterPullTimeUpdateExclusion", Of($"arn:aws:iam::123456789012:role/r{i}"), EcrFixture.Token);
        using var refused = await client.CallAsync("RegisterPullTimeUpdateExclusion", Of("arn:aws:iam::123456789012:role/one-more"), EcrFixture.Token);
        Assert.Equal("LimitExceededException", refused.ErrorType);
        var listed = await client.InvokeAsync("ListPullTimeUpdateExclusions", "{}", EcrFixture.Token);
        Assert.Equal(100, Listed(listed).Length);
        Assert.False(listed.TryGetProperty("nextToken", out _));
    }

    [Theory]
    [InlineData("arn:aws:iam::123456789012:root")]
    [InlineData("arn:aws:sts::123456789012:assumed-role/a/b")]
    [InlineData("arn:aws:iam::12345:role/a")]
    [InlineData("arn:aws:iam::123456789012:role/a b")]
    [InlineData("")]
    public async Task What_is_no_role_or_user_is_refused(string principal)
    {
        var message = await ecr.RefusedAsync("InvalidParameterException", "RegisterPullTimeUpdateExclusion", new { principalArn = principal });
        Assert.StartsWith("Invalid parameter at 'principalArn' failed to satisfy constraint: 'Member must satisfy regular expression pattern:", message, StringComparison.Ordinal);
    }

    private static string Of(string principal) => JsonSerializer.Serialize(new { principalArn = principal });

    private static string[] Listed(JsonElement answer) => [.. answer.GetProperty("pullTimeUpdateExclusions").EnumerateArray().Select(each => each.GetString()!)];

    private EcrClient ClientOf(string region) => new(ecr.Server.BaseAddress, ecr.Server.Options.AccessKeyId, ecr.Server.Options.SecretAccessKey, region);
}

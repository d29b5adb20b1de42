using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Trail;

/// <summary>Whoever fails again and again, others of his address are served.</summary>
public sealed class RefusalLockoutTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_shares_an_address_with_a_guesser_is_served_meanwhile()
    {
        await using var server = await LongshoreProcess.StartAsync(
            new LongshoreOptions { Environment = new Dictionary<string, string?> { ["LONGSHORE_REFUSAL_DELAY"] = "2s" } }, Token);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, MaxConnectionsPerServer = 500 });
        for (var i = 0; i < 12; i++) await GuessAsync(server, http);
        var guesses = Enumerable.Range(0, 400).Select(_ => GuessAsync(server, http)).ToList();
        using var ecr = new EcrClient(server.BaseAddress, server.Options.AccessKeyId, server.Options.SecretAccessKey);
        while (guesses.Exists(static guess => !guess.IsCompleted))
        {
            using var answer = await ecr.CallAsync("DescribeRepositories", "{}", Token);
            Assert.Equal(HttpStatusCode.OK, answer.Status);
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Token);
        }

        Assert.All(await Task.WhenAll(guesses), static status => Assert.Equal(HttpStatusCode.Unauthorized, status));
    }

    private static async Task<HttpStatusCode> GuessAsync(LongshoreProcess server, HttpClient http)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server.BaseAddress, "/v2/"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("AWS:guess")));
        using var response = await http.SendAsync(request, Token);
        return response.StatusCode;
    }
}

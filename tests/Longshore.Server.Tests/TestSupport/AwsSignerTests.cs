using System.Text.Json;
using Longshore.TestSupport.Aws;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.TestSupport;

/// <summary>The test signer against AWS's published vector and against botocore, or it would prove nothing about the verifier.</summary>
public sealed class AwsSignerTests
{
    private const string Secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    private static readonly FixedTime Clock = new(new DateTimeOffset(2015, 8, 30, 12, 36, 0, TimeSpan.Zero));

    private const string BotocoreScript = """
        import datetime, json, sys, botocore.auth, botocore.awsrequest, botocore.credentials
        stamp = datetime.datetime(2015, 8, 30, 12, 36, 0, tzinfo=datetime.timezone.utc)
        class Frozen(datetime.datetime):
            @classmethod
            def now(cls, tz=None): return stamp if tz else stamp.replace(tzinfo=None)
            @classmethod
            def utcnow(cls): return stamp.replace(tzinfo=None)
        botocore.auth.datetime = type('module', (), {'datetime': Frozen, 'timezone': datetime.timezone, 'timedelta': datetime.timedelta})
        if hasattr(botocore.auth, 'get_current_datetime'):
            botocore.auth.get_current_datetime = lambda remove_tzinfo=True: stamp.replace(tzinfo=None) if remove_tzinfo else stamp
        case = json.load(sys.stdin)
        credentials = botocore.credentials.Credentials('AKIDEXAMPLE', case['secret'], case['token'])
        request = botocore.awsrequest.AWSRequest(case['method'], case['url'], headers=case['headers'], data=case['body'].encode())
        if case['presign']:
            botocore.auth.SigV4QueryAuth(credentials, 'ecr', 'eu-west-1', expires=900).add_auth(request)
            print(request.url)
        else:
            botocore.auth.SigV4Auth(credentials, 'ecr', 'eu-west-1').add_auth(request)
            print(request.headers['Authorization'])
        """;

    [Fact]
    public void Published_vector_get_vanilla_has_the_published_signature()
    {
        var signer = new AwsSigner("AKIDEXAMPLE", Secret, "us-east-1", "service", Clock);
        using var request = new HttpRequestMessage(HttpMethod.Get, "https://example.amazonaws.com/");
        signer.Sign(request, []);
        Assert.Equal(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, "
            + "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            string.Join(",", request.Headers.NonValidated["Authorization"]));
    }

    [Theory]
    [InlineData("http://127.0.0.1:5000/", "{\"repositoryName\":\"ä/b\"}", null)]
    [InlineData("http://127.0.0.1:5000/a%20b/c%2Fd?x=1&b=%2F&a=", "", "token/with+signs==")]
    [InlineData("https://api.ecr.eu-west-1.amazonaws.com/", "{}", null)]
    public async Task Header_signature_equals_botocores(string url, string body, string? sessionToken)
    {
        const string target = "AmazonEC2ContainerRegistry_V20150921.CreateRepository";
        var signer = new AwsSigner("AKIDEXAMPLE", Secret, "eu-west-1", "ecr", Clock, sessionToken);
        var bytes = System.Text.Encoding.UTF8.GetBytes(body);
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ByteArrayContent(bytes) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/x-amz-json-1.1");
        request.Headers.TryAddWithoutValidation("X-Amz-Target", target);
        signer.Sign(request, bytes);

        var headers = new Dictionary<string, string> { ["Content-Type"] = "application/x-amz-json-1.1", ["X-Amz-Target"] = target };
        Assert.Equal(
            await BotocoreAsync(new { method = "POST", url, body, headers, secret = Secret, token = sessionToken, presign = false }),
            request.Headers.NonValidated["Authorization"].ToString());
    }

    [Theory]
    [InlineData("http://127.0.0.1:5000/layers/sha256/abc", null)]
    [InlineData("http://127.0.0.1:5000/layers?digest=sha256%3Aabc&a=b%20c", "token/with+signs==")]
    public async Task Presigned_address_carries_botocores_signature(string url, string? sessionToken)
    {
        var signer = new AwsSigner("AKIDEXAMPLE", Secret, "eu-west-1", "ecr", Clock, sessionToken);
        var presigned = signer.Presign(HttpMethod.Get, new Uri(url), TimeSpan.FromMinutes(15));
        var expected = await BotocoreAsync(new
        {
            method = "GET",
            url,
            body = "",
            headers = new Dictionary<string, string>(),
            secret = Secret,
            token = sessionToken,
            presign = true,
        });
        Assert.Equal(SignatureOf(expected), SignatureOf(presigned.AbsoluteUri));
    }

    private static string SignatureOf(string url) => url[(url.IndexOf("X-Amz-Signature=", StringComparison.Ordinal) + 16)..][..64];

    private static async Task<string> BotocoreAsync(object request)
    {
        var token = TestContext.Current.CancellationToken;
        var probe = await CommandRunner.TryRunAsync("python3", ["-c", "import botocore"], token);
        Requires.That(probe.ExitCode == 0, "Python with botocore");
        var result = await CommandRunner.RunAsync("python3", ["-c", BotocoreScript], token, input: JsonSerializer.Serialize(request));
        return result.StandardOutput.Trim();
    }
}

using BenchmarkDotNet.Attributes;
using Longshore.Server.Access;
using Longshore.TestSupport.Aws;
using Microsoft.AspNetCore.Http;

namespace Longshore.Benchmarks;

/// <summary>Verifying the signature of an ECR call: what every request of the AWS CLI and the SDKs pays once.</summary>
[MemoryDiagnoser]
public class SignatureV4Benchmarks
{
    private const string AccessKeyId = "AKIAIOSFODNN7EXAMPLE";
    private const string Secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);
    private readonly SignatureV4 verifier = new(new SigningKeys());
    private SignedRequest request;

    /// <summary>Bytes of the body: a DescribeImages call, and a layer part in base64.</summary>
    [Params(200, 14 << 20)]
    public int Body { get; set; }

    [GlobalSetup]
    public void Sign()
    {
        var body = new byte[Body];
        using var message = new HttpRequestMessage(HttpMethod.Post, "http://127.0.0.1:5000/") { Content = new ByteArrayContent(body) };
        message.Content.Headers.TryAddWithoutValidation("Content-Type", "application/x-amz-json-1.1");
        message.Headers.TryAddWithoutValidation("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.DescribeImages");
        new AwsSigner(AccessKeyId, Secret, "us-east-1", "ecr", new FrozenTime()).Sign(message, body);
        var headers = new HeaderDictionary { ["Host"] = "127.0.0.1:5000" };
        foreach (var (name, values) in message.Headers.NonValidated.Concat(message.Content.Headers.NonValidated)) headers[name] = string.Join(", ", values);
        request = new SignedRequest("POST", "/", headers, body);
        if (Verify() is { } failure) throw new InvalidOperationException(failure.ToString());
    }

    /// <summary>Reading the parts and verifying them, with the signing key kept from an earlier call.</summary>
    [Benchmark]
    public object? Verify()
    {
        if (!SignatureV4Parts.TryRead(request, out var parts, out var failure)) return failure;
        return verifier.Verify(request, parts, "ecr", Secret, Now);
    }

    private sealed class FrozenTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => Now;
    }
}

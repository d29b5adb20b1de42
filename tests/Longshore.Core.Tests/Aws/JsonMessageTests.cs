using System.Buffers;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Longshore.Core.Aws;
using Longshore.Core.Aws.Ecr;

namespace Longshore.Core.Tests.Aws;

public sealed class JsonMessageTests
{
    [Fact]
    public void A_reply_has_exact_names_and_no_nulls()
    {
        var reply = new CreateRepositoryResponse
        {
            Repository = new Repository
            {
                RepositoryName = "team/app",
                CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(1579839105123),
                ImageScanningConfiguration = new ImageScanningConfiguration { ScanOnPush = false },
                ImageTagMutability = ImageTagMutabilityValues.Mutable,
            },
        };
        Assert.Equal(
            """{"repository":{"repositoryName":"team/app","createdAt":1579839105.123,"imageTagMutability":"MUTABLE","imageScanningConfiguration":{"scanOnPush":false}}}""",
            Encoding.UTF8.GetString(EcrOperations.CreateRepository.WriteOutput(reply)));
    }

    [Fact]
    public void Messages_survive_the_wire()
    {
        const string Body = """
            {"registryId":"123456789012","repositoryName":"a/b","imageIds":[{"imageTag":"v1"},{"imageDigest":"sha256:00"}],"future":{"x":[1,{"y":null}]}}
            """;
        Assert.True(EcrOperations.BatchGetImage.TryReadInput(Sequence(Body), out var request, out _));
        Assert.Equal("a/b", request.RepositoryName);
        Assert.Equal([new ImageIdentifier { ImageTag = "v1" }, new ImageIdentifier { ImageDigest = "sha256:00" }], request.ImageIds!);
        Assert.Null(request.AcceptedMediaTypes);

        var part = new UploadLayerPartRequest { UploadId = "u", PartFirstByte = 5_000_000_000, LayerPartBlob = [0, 255, 7] };
        var bytes = AwsJson.Serialize(part, EcrJsonContext.Wire.UploadLayerPartRequest);
        Assert.Equal("""{"uploadId":"u","partFirstByte":5000000000,"layerPartBlob":"AP8H"}""", Encoding.UTF8.GetString(bytes));
        Assert.True(AwsJson.TryParse(bytes, EcrJsonContext.Wire.UploadLayerPartRequest, out var again, out _));
        Assert.Equal(part.LayerPartBlob, again.LayerPartBlob);
    }

    [Fact]
    public void Manifests_inside_strings_stay_small_and_exact()
    {
        var image = new Image { ImageManifest = "{\"a\": \"<é🐳>\u0001\"}\n" };
        var bytes = AwsJson.Serialize(new BatchGetImageResponse { Images = [image] }, EcrOperations.BatchGetImage.Output);
        Assert.Equal("""{"images":[{"imageManifest":"{\"a\": \"<é\uD83D\uDC33>\u0001\"}\n"}]}""", Encoding.UTF8.GetString(bytes));
        Assert.True(AwsJson.TryParse(bytes, EcrOperations.BatchGetImage.Output, out var again, out _));
        Assert.Equal(image, again.Images![0]);
    }

    [Fact]
    public void Maps_keep_their_keys()
    {
        var findings = new ImageScanFindings { FindingSeverityCounts = new Dictionary<string, int> { [FindingSeverityValues.High] = 3 } };
        var bytes = AwsJson.Serialize(new DescribeImageScanFindingsResponse { ImageScanFindings = findings }, EcrOperations.DescribeImageScanFindings.Output);
        Assert.Equal("""{"imageScanFindings":{"findingSeverityCounts":{"HIGH":3}}}""", Encoding.UTF8.GetString(bytes));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("\"text\"")]
    [InlineData("{")]
    [InlineData("{} {}")]
    [InlineData("{}x")]
    [InlineData("{'registryId':1}")]
    [InlineData("""{"registryId":12}""")]
    [InlineData("""{"registryId":["1"]}""")]
    [InlineData("""{"registryId":"1","registryId":"2"}""")]
    [InlineData("""{"registryId":"1","registry\u0049d":"2"}""")]
    [InlineData("""{"maxResults":"5"}""")]
    [InlineData("""{"maxResults":5.5}""")]
    [InlineData("""{"maxResults":99999999999}""")]
    [InlineData("""{"maxResults":1e999999}""")]
    [InlineData("""{"repositoryNames":{"a":1}}""")]
    [InlineData("""{"nextToken":"\uD800"}""")]
    [InlineData("""{"maxResults":5,}""")]
    public void Bad_bodies_are_errors_and_never_exceptions(string body)
    {
        Assert.False(EcrOperations.DescribeRepositories.TryReadInput(Sequence(body), out var request, out var error));
        Assert.Null(request);
        Assert.StartsWith("The request body", error, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Deep_nesting_is_an_error_even_in_unknown_members()
    {
        var body = "{\"future\":" + new string('[', 100_000) + new string(']', 100_000) + "}";
        Assert.False(EcrOperations.DescribeRepositories.TryReadInput(Sequence(body), out _, out var error));
        Assert.NotNull(error);
    }

    [Fact]
    public void Malformed_utf8_and_base64_are_errors()
    {
        byte[] body = [.. "{\"registryId\":\""u8, 0xC3, 0x28, .. "\"}"u8];
        Assert.False(AwsJson.TryParse(body, EcrJsonContext.Wire.DescribeRepositoriesRequest, out _, out _));
        byte[] name = [.. "{\""u8, 0xC3, 0x28, .. "\":1}"u8];
        AwsJson.TryParse(name, EcrJsonContext.Wire.DescribeRepositoriesRequest, out _, out _);
        Assert.False(EcrOperations.UploadLayerPart.TryReadInput(Sequence("""{"layerPartBlob":"***"}"""), out _, out _));
    }

    [Fact]
    public void An_error_names_the_place_and_not_the_value()
    {
        Assert.False(EcrOperations.BatchGetImage.TryReadInput(Sequence("""{"imageIds":[{"imageTag":{"hush":1}}]}"""), out _, out var error));
        Assert.Contains("'$.imageIds[0].imageTag'", error, StringComparison.Ordinal);
        Assert.DoesNotContain("hush", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Random_bytes_never_throw()
    {
        Prop.ForAll<byte[]>(bytes =>
        {
            AwsJson.TryParse(bytes, EcrJsonContext.Wire.PutImageRequest, out _, out _);
            byte[] inside = [.. "{\"imageManifest\":\""u8, .. bytes, .. "\"}"u8];
            AwsJson.TryParse(inside, EcrJsonContext.Wire.PutImageRequest, out _, out _);
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("1579839105", 1579839105000)]
    [InlineData("1579839105.0", 1579839105000)]
    [InlineData("1.579839105123E9", 1579839105123)]
    [InlineData("0.0009", 1)]
    [InlineData("-1.5", -1500)]
    public void Timestamps_are_read_as_numbers(string text, long milliseconds)
    {
        Assert.True(AwsJson.TryParse(Encoding.UTF8.GetBytes($$"""{"createdAt":{{text}}}"""), EcrJsonContext.Wire.Repository, out var repository, out _));
        Assert.Equal(DateTimeOffset.FromUnixTimeMilliseconds(milliseconds), repository.CreatedAt);
    }

    [Theory]
    [InlineData("\"2020-01-01T00:00:00Z\"")]
    [InlineData("1e300")]
    [InlineData("99999999999999")]
    [InlineData("-99999999999")]
    [InlineData("true")]
    public void Other_timestamps_are_errors(string text) =>
        Assert.False(AwsJson.TryParse(Encoding.UTF8.GetBytes($$"""{"createdAt":{{text}}}"""), EcrJsonContext.Wire.Repository, out _, out _));

    [Fact]
    public void Any_timestamp_is_written_plainly_and_reads_back()
    {
        // Days since the year 1, and milliseconds within the day: together the whole range of the type.
        var times = (from day in Gen.Choose(0, 3_652_058)
                     from millisecond in Gen.Choose(0, 86_399_999)
                     select DateTimeOffset.MinValue.AddDays(day).AddMilliseconds(millisecond)).ToArbitrary();
        Prop.ForAll(times, time =>
        {
            var bytes = AwsJson.Serialize(new Repository { CreatedAt = time }, EcrJsonContext.Wire.Repository);
            Assert.Matches(@"\A\{""createdAt"":-?[0-9]+\.[0-9]{3}\}\z", Encoding.UTF8.GetString(bytes));
            Assert.True(AwsJson.TryParse(bytes, EcrJsonContext.Wire.Repository, out var again, out _));
            Assert.Equal(time, again.CreatedAt);
        }).QuickCheckThrowOnFailure();
    }

    private static ReadOnlySequence<byte> Sequence(string text) => new(Encoding.UTF8.GetBytes(text));
}

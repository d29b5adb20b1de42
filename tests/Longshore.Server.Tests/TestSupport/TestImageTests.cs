using Longshore.TestSupport.Oci;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.TestSupport;

/// <summary>Generated images are the same each time, and real ones: skopeo reads them whole.</summary>
public sealed class TestImageTests
{
    [Fact]
    public void Same_seed_makes_the_same_image_and_another_seed_another()
    {
        Assert.Equal(TestImage.Create(7, 100, 200).Digest, TestImage.Create(7, 100, 200).Digest);
        Assert.NotEqual(TestImage.Create(7, 100, 200).Digest, TestImage.Create(8, 100, 200).Digest);
        Assert.Equal(
            TestImage.MultiPlatform(new TestImageOptions { Seed = 7 }).Digest, TestImage.MultiPlatform(new TestImageOptions { Seed = 7 }).Digest);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Skopeo_reads_a_generated_layout_and_keeps_its_digest(bool compressed)
    {
        var token = TestContext.Current.CancellationToken;
        using var directory = new TemporaryDirectory("layout");
        var image = TestImage.Create(new TestImageOptions { Seed = 11, LayerSizes = [5000, 0, 70000], Compressed = compressed });
        await OciLayout.WriteAsync(directory.Combine("from"), image, "v1", token);
        await CommandRunner.RunAsync(
            "skopeo",
            ["copy", "--insecure-policy", "--preserve-digests", $"oci:{directory.Combine("from")}:v1", $"dir:{directory.Combine("to")}"],
            token);
        var manifest = await File.ReadAllBytesAsync(directory.Combine("to", "manifest.json"), token);
        Assert.Equal(image.Digest, DigestAlgorithm.Sha256.Compute(manifest));
    }
}

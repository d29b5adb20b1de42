using Longshore.WireGenerator;

namespace Longshore.Core.Tests.Aws;

public sealed class GeneratedFilesTests
{
    [Fact]
    public void Generating_again_changes_nothing()
    {
        var root = Workspace.FindRoot(AppContext.BaseDirectory) ?? throw new InvalidOperationException("The tests run outside the repository.");
        var models = Workspace.DefaultModels(root);
        if (!Directory.Exists(models)) Assert.Skip($"The AWS models are not at {models}; generated files were not compared.");
        var workspace = new Workspace(root, models);
        Assert.Empty(workspace.Differences());
        if (workspace.Skipped.Count > 0)
            Assert.Skip($"The rest is current; not compared for want of a model: {string.Join(", ", workspace.Skipped.Select(service => service.ModelFile))}.");
    }

    [Fact]
    public void A_trait_unknown_to_the_generator_is_refused()
    {
        const string Model = """
            {"metadata":{"protocol":"json","apiVersion":"1"},"operations":{},
             "shapes":{"A":{"type":"structure","members":{"b":{"shape":"B","locationName":"c"}}},"B":{"type":"string"}}}
            """;
        var fault = Assert.Throws<InvalidDataException>(() => ModelReader.Read(Model));
        Assert.Contains("locationName", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(@"[0-9]{12}", @"\A(?:[0-9]{12})\z")]
    [InlineData(@"^a$|b", @"\A(?:\Aa\z|b)\z")]
    [InlineData(@"[a-z0-9-_+.]+", @"\A(?:[a-z0-9\-_+.]+)\z")]
    [InlineData(@"[\w+=,.@-]*", @"\A(?:[a-zA-Z0-9_+=,.@\-]*)\z")]
    [InlineData(@"^\S+$", @"\A(?:\A[^ \t\n\v\f\r]+\z)\z")]
    [InlineData(@"(\u002F)|(\u002F[\u0021-\u007F]+\u002F)", @"\A(?:(\u002F)|(\u002F[\u0021-\u007F]+\u002F))\z")]
    [InlineData(@"[\u0009\u10000-\u10FFFF]+", @"\A(?:(?:[\u0009]|[\uD800-\uDBFF][\uDC00-\uDFFF])+)\z")]
    public void Patterns_are_anchored_and_their_classes_spelled_out(string model, string expected) =>
        Assert.Equal(expected, PatternTranslator.Translate(model));

    [Theory]
    [InlineData(@"(?=a)b")]
    [InlineData(@"\bword")]
    [InlineData(@"[a[b]]")]
    public void Pattern_constructs_nobody_has_checked_are_refused(string model) =>
        Assert.Throws<InvalidDataException>(() => PatternTranslator.Translate(model));

    [Theory]
    [InlineData("IMMUTABLE_WITH_EXCLUSION", "ImmutableWithExclusion")]
    [InlineData("AES256", "Aes256")]
    [InlineData("ecr-public", "EcrPublic")]
    [InlineData("k8s", "K8s")]
    [InlineData("MissingDigestAndTag", "MissingDigestAndTag")]
    [InlineData("64bit", "Value64bit")]
    public void Enum_values_become_readable_constants(string value, string expected) => Assert.Equal(expected, Naming.Constant(value));

    [Fact]
    public void A_property_is_never_called_like_its_own_class() => Assert.Equal("RepositoryValue", Naming.Property("Repository", "repository"));
}

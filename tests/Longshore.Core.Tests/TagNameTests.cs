using System.Text.RegularExpressions;
using FsCheck.Fluent;

namespace Longshore.Core.Tests;

public sealed partial class TagNameTests
{
    [Fact]
    public void Valid_is_what_the_pattern_of_the_distribution_specification_matches()
    {
        var nearMisses = Generators.TextOf(8, "a", "Z", "0", "_", ".", "-", "/", ":", "ä", "٣", "\n", " ", "K");
        Prop.ForAll(nearMisses.ToArbitrary(), MatchesPattern).Check(20_000);
        Prop.ForAll(Generators.AnyText.ToArbitrary(), MatchesPattern).Check(2000);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(128, true)]
    [InlineData(300, true)]
    [InlineData(301, false)]
    public void Length_is_from_1_to_300_characters(int length, bool valid) =>
        Assert.Equal(valid, TagName.TryParse(new string('a', length), out _));

    [Theory]
    [InlineData("latest\n")]
    [InlineData("lätest")]
    [InlineData(".latest")]
    [InlineData("-latest")]
    [InlineData("a b")]
    [InlineData("a/b")]
    [InlineData("a:b")]
    [InlineData(null)]
    public void Malformed_tags_are_refused(string? text) => Assert.False(TagName.TryParse(text, out _));

    private static bool MatchesPattern(string text) => TagName.TryParse(text, out var tag)
        ? tag.ToString() == text && SpecPattern().IsMatch(text)
        : !SpecPattern().IsMatch(text);

    // The pattern of the specification with ECR's length in the place of 127.
    [GeneratedRegex(@"\A[a-zA-Z0-9_][a-zA-Z0-9._-]{0,299}\z", RegexOptions.CultureInvariant)]
    private static partial Regex SpecPattern();
}

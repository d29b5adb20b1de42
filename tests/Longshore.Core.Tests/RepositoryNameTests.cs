using System.Text.RegularExpressions;
using FsCheck.Fluent;

namespace Longshore.Core.Tests;

public sealed partial class RepositoryNameTests
{
    [Fact]
    public void Valid_is_what_the_pattern_of_the_ecr_model_matches()
    {
        var nearMisses = Generators.TextOf(9, "a", "z", "0", "9", "ab", "/", ".", "_", "-", "__", "--", "A", "ä", "٣", "\n", " ", ":", "\0");
        Prop.ForAll(nearMisses.ToArbitrary(), MatchesModel).Check(20_000);
        Prop.ForAll(Generators.AnyText.ToArbitrary(), MatchesModel).Check(2000);

        // Without the odd characters, so that most texts differ from a name in separators only.
        var separators = Generators.TextOf(12, "a", "b", "0", "/", ".", "_", "-");
        Prop.ForAll(separators.ToArbitrary(), MatchesModel).Check(20_000);
    }

    [Fact]
    public void Every_generated_name_parses_to_itself() =>
        Prop.ForAll(Generators.Name.ToArbitrary(), text => RepositoryName.TryParse(text, out var name) && name.ToString() == text).Check();

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    [InlineData(256, true)]
    [InlineData(257, false)]
    public void Length_is_from_2_to_256_characters(int length, bool valid) =>
        Assert.Equal(valid, RepositoryName.IsValid(new string('a', length)));

    [Theory]
    [InlineData("ab\n")]
    [InlineData("ab\r\n")]
    [InlineData("\nab")]
    [InlineData("äb")]
    [InlineData("\uff41b")]
    [InlineData("Ab")]
    [InlineData("a___b")]
    [InlineData("a..b")]
    [InlineData("a_-b")]
    [InlineData("a//b")]
    [InlineData("/ab")]
    [InlineData("ab/")]
    [InlineData("ab/-c")]
    [InlineData("../ab")]
    [InlineData("")]
    [InlineData(null)]
    public void Malformed_names_are_refused(string? text) => Assert.False(RepositoryName.TryParse(text, out _));

    private static bool MatchesModel(string text) =>
        RepositoryName.IsValid(text) == (text.Length is >= 2 and <= 256 && ModelPattern().IsMatch(text));

    [GeneratedRegex(@"\A(?:[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex ModelPattern();
}

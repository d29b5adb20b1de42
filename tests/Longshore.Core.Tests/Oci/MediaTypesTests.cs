using System.Text.RegularExpressions;
using FsCheck.Fluent;
using Longshore.Core.Oci;

namespace Longshore.Core.Tests.Oci;

public sealed partial class MediaTypesTests
{
    [Fact]
    public void Well_formed_is_what_the_grammar_of_rfc_6838_matches()
    {
        var texts = Gen.OneOf(
            Generators.TextOf(7, "a", "Z", "9", "/", "/", "!", "#", "$", "&", "-", "^", "_", ".", "+", "*", ";", " ", "\n", "ä", "٣"),
            Generators.AnyText);
        Prop.ForAll(texts.ToArbitrary(), text => MediaTypes.IsWellFormed(text) == Rfc6838().IsMatch(text)).Check(20_000);
    }

    [Fact]
    public void Type_and_subtype_have_at_most_127_characters_each()
    {
        var longest = new string('a', 127);
        Assert.True(MediaTypes.IsWellFormed($"{longest}/{longest}"));
        Assert.False(MediaTypes.IsWellFormed($"{longest}a/{longest}"));
        Assert.False(MediaTypes.IsWellFormed($"{longest}/{longest}a"));
    }

    [Theory]
    [InlineData("a/b", "a/b")]
    [InlineData(" a/b ; charset=utf-8", "a/b")]
    [InlineData(";x=y", "")]
    [InlineData("", "")]
    public void Parameters_and_spaces_are_dropped(string contentType, string expected) =>
        Assert.Equal(expected, MediaTypes.WithoutParameters(contentType).ToString());

    [GeneratedRegex(@"\A[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]{0,126}/[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]{0,126}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Rfc6838();
}

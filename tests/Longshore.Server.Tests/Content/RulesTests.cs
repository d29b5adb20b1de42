using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;
using Longshore.Core;
using Longshore.Server.Content;

namespace Longshore.Server.Tests.Content;

public sealed class RulesTests
{
    private static Gen<string> Text(string letters, int max) =>
        from count in Gen.Choose(0, max)
        from chars in Gen.Elements(letters.ToCharArray()).ArrayOf(count)
        select new string(chars);

    [Fact]
    public void A_wildcard_matches_what_its_regular_expression_does() =>
        Prop.ForAll(Text("ab.*", 8).ToArbitrary(), Text("ab.", 10).ToArbitrary(), (pattern, text) =>
            Wildcard.Matches(pattern, text) == Regex.IsMatch(text, "^" + Regex.Escape(pattern).Replace("\\*", ".*", StringComparison.Ordinal) + "\\z", RegexOptions.Singleline))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(5000));

    [Fact]
    public void A_wildcard_of_many_stars_answers_at_once() =>
        Assert.False(Wildcard.Matches(string.Concat(Enumerable.Repeat("*a", 60)) + "b", new string('a', 300)));

    [Fact]
    public void The_two_modes_with_exclusion_are_each_others_opposite() =>
        Prop.ForAll(
            Text("ab*", 4).Where(f => f.Length > 0).ArrayOf(3).ToArbitrary(),
            Text("ab", 5).Where(t => t.Length > 0).ToArbitrary(),
            (filters, text) =>
            {
                var tag = ContentHarness.Tag(text);
                var matches = filters.Any(f => Wildcard.Matches(f, text));
                return TagMutabilityRule.MayMove(new(TagMutability.ImmutableWithExclusion, filters, false), tag) == matches
                    && TagMutabilityRule.MayMove(new(TagMutability.MutableWithExclusion, filters, false), tag) != matches
                    && TagMutabilityRule.MayMove(new(TagMutability.Mutable, filters, false), tag)
                    && !TagMutabilityRule.MayMove(new(TagMutability.Immutable, filters, false), tag);
            }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));

    [Fact]
    public void An_upload_is_fine_as_long_as_no_part_follows_a_short_one()
    {
        var sizes = Gen.Elements(1L, LayerParts.MinBytes - 1, LayerParts.MinBytes, LayerParts.RecommendedBytes).ListOf();
        Prop.ForAll(sizes.ToArbitrary(), parts =>
        {
            var state = parts.Aggregate(LayerParts.Fine, LayerParts.Next);
            return (state == LayerParts.ShortPartFollowed) == parts.SkipLast(1).Any(p => p < LayerParts.MinBytes);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));
    }
}

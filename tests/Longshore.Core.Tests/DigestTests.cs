using System.Text;
using System.Text.RegularExpressions;
using FsCheck.Fluent;

namespace Longshore.Core.Tests;

public sealed partial class DigestTests
{
    private const string EmptySha256 = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    [Fact]
    public void Generated_digests_parse_to_themselves() =>
        Prop.ForAll(Generators.DigestText.ToArbitrary(), text => Digest.TryParse(text, out var digest)
            && digest.Value == text
            && digest.Hex.SequenceEqual(text.AsSpan(7))
            && digest.Algorithm == (text.Length == 71 ? DigestAlgorithm.Sha256 : DigestAlgorithm.Sha512)).Check();

    [Fact]
    public void Damaged_digests_parse_only_when_the_pattern_still_matches()
    {
        var damaged =
            from text in Generators.DigestText
            from at in Gen.Choose(0, text.Length)
            from cut in Gen.Choose(0, Math.Min(1, text.Length - at))
            from piece in Gen.Elements("", "a", "F", "g", "\n", ":", "٣", "sha512:")
            select text.Remove(at, cut).Insert(at, piece);
        Prop.ForAll(damaged.ToArbitrary(), text => Digest.TryParse(text, out _) == SpecPattern().IsMatch(text)).Check(10_000);
        Prop.ForAll(Generators.AnyText.ToArbitrary(), text => Digest.TryParse(text, out _) == SpecPattern().IsMatch(text)).Check();
    }

    [Fact]
    public void A_computed_digest_parses_and_equals_itself()
    {
        Assert.Equal(EmptySha256, Digest.Compute([]).Value);
        foreach (var algorithm in Enum.GetValues<DigestAlgorithm>())
        {
            var computed = Digest.Compute(Encoding.UTF8.GetBytes("longshore"), algorithm);
            Assert.True(Digest.TryParse(computed.Value, out var parsed));
            Assert.Equal(computed, parsed);
            Assert.Equal(algorithm, parsed.Algorithm);
        }
    }

    [Fact]
    public void A_hash_of_the_wrong_length_is_a_bug_and_throws()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Digest.FromHash(DigestAlgorithm.Sha256, new byte[64]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Digest.FromHash(DigestAlgorithm.Sha512, new byte[32]));
    }

    [Theory]
    [InlineData(EmptySha256 + "\n")]
    [InlineData("SHA256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855")]
    [InlineData("sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("md5:d41d8cd98f00b204e9800998ecf8427e")]
    [InlineData("sha256:")]
    [InlineData("sha256")]
    [InlineData("")]
    [InlineData(null)]
    public void Malformed_digests_are_refused(string? text) => Assert.False(Digest.TryParse(text, out _));

    [GeneratedRegex(@"\A(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})\z", RegexOptions.CultureInvariant)]
    private static partial Regex SpecPattern();
}

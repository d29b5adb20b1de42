using FsCheck.Fluent;
using Longshore.Core.Oci;

namespace Longshore.Core.Tests.Oci;

public sealed class ReferenceTests
{
    [Fact]
    public void A_digest_is_a_reference_by_digest() =>
        Prop.ForAll(Generators.DigestText.ToArbitrary(), text => Reference.TryParse(text, out var reference)
            && reference.IsDigest && reference.Digest.Value == text && reference.ToString() == text).Check();

    [Fact]
    public void Other_text_is_a_reference_exactly_when_it_is_a_tag()
    {
        var texts = Gen.OneOf(Generators.TextOf(6, "a", "V", "1", ".", "-", "_", ":", "\n", "ä", "sha256"), Generators.AnyText);
        Prop.ForAll(texts.ToArbitrary(), text =>
        {
            var isTag = TagName.TryParse(text, out var tag);
            if (!Reference.TryParse(text, out var reference)) return !isTag;
            return isTag && !reference.IsDigest && reference.Tag == tag && reference == Reference.Of(tag) && reference.ToString() == text;
        }).Check(10_000);
    }

    [Fact]
    public void The_wrong_half_throws()
    {
        Assert.True(Reference.TryParse("latest", out var tag));
        Assert.Throws<InvalidOperationException>(() => tag.Digest);
        var digest = Reference.Of(Digest.Compute([]));
        Assert.Throws<InvalidOperationException>(() => digest.Tag);
    }

    [Fact]
    public void A_short_digest_is_not_a_tag() => Assert.False(Reference.TryParse("sha256:abc", out _));
}

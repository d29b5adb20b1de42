using FsCheck.Fluent;
using Longshore.Core.Oci;

namespace Longshore.Core.Tests.Oci;

public sealed class RangeTests
{
    [Theory]
    [InlineData("0-99", 0, 99)]
    [InlineData("5-5", 5, 5)]
    [InlineData("bytes 0-99/*", 0, 99)]
    [InlineData("Bytes 10-99/100", 10, 99)]
    [InlineData("0-9223372036854775806", 0, long.MaxValue - 1)]
    public void A_content_range_has_two_forms(string text, long start, long end)
    {
        Assert.True(ContentRange.TryParse(text, out var range));
        Assert.Equal(new ContentRange(start, end), range);
        Assert.Equal(end - start + 1, range.Length);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("0-")]
    [InlineData("-9")]
    [InlineData("9-0")]
    [InlineData("+0-9")]
    [InlineData("0--9")]
    [InlineData(" 0-9")]
    [InlineData("0-9\n")]
    [InlineData("0-٩")]
    [InlineData("0-9/10")]
    [InlineData("bytes 0-9")]
    [InlineData("bytes 0-9/9")]
    [InlineData("bytes 0-9/")]
    [InlineData("bytes */10")]
    [InlineData("bytes=0-9")]
    [InlineData("0-9223372036854775807")]
    [InlineData("0-99999999999999999999")]
    public void Other_content_ranges_are_refused(string text) => Assert.False(ContentRange.TryParse(text, out _));

    [Fact]
    public void A_content_range_formats_to_what_it_was_parsed_from()
    {
        var texts = Gen.OneOf(Generators.TextOf(6, "0", "7", "12", "-", "/", "*", "bytes ", "9999999999"), Generators.AnyText);
        Prop.ForAll(texts.ToArbitrary(), text => !ContentRange.TryParse(text, out var range)
            || (range.Start >= 0 && range.Length >= 1 && ContentRange.TryParse(range.ToString(), out var again) && again == range)).Check(10_000);
    }

    [Theory]
    [InlineData("bytes=0-9", 100, 0, 9)]
    [InlineData("BYTES=0-9", 100, 0, 9)]
    [InlineData("bytes= 0-9 ", 100, 0, 9)]
    [InlineData("bytes=90-", 100, 90, 99)]
    [InlineData("bytes=90-1000", 100, 90, 99)]
    [InlineData("bytes=0-99999999999999999999", 100, 0, 99)]
    [InlineData("bytes=-10", 100, 90, 99)]
    [InlineData("bytes=-1000", 100, 0, 99)]
    [InlineData("bytes=99-99", 100, 99, 99)]
    public void A_single_range_is_cut_to_the_body(string header, long length, long start, long end)
    {
        var range = ByteRange.Resolve(header, length);
        Assert.Equal(new ByteRange(ByteRangeKind.Satisfiable, start, end), range);
        Assert.Equal(end - start + 1, range.Length);
    }

    [Theory]
    [InlineData("bytes=100-", 100)]
    [InlineData("bytes=100-200", 100)]
    [InlineData("bytes=99999999999999999999-", 100)]
    [InlineData("bytes=-0", 100)]
    [InlineData("bytes=0-", 0)]
    public void A_range_beyond_the_body_is_unsatisfiable(string header, long length) =>
        Assert.Equal(ByteRangeKind.Unsatisfiable, ByteRange.Resolve(header, length).Kind);

    [Theory]
    [InlineData("", 100)]
    [InlineData("bytes=", 100)]
    [InlineData("bytes=-", 100)]
    [InlineData("bytes=5", 100)]
    [InlineData("bytes=9-5", 100)]
    [InlineData("bytes=0-9,20-29", 100)]
    [InlineData("bytes=--9", 100)]
    [InlineData("bytes=+1-9", 100)]
    [InlineData("bytes=0-٩", 100)]
    [InlineData("bytes=0 - 9", 100)]
    [InlineData("bytes 0-9", 100)]
    [InlineData("items=0-9", 100)]
    [InlineData("bytes=-5", 0)]
    public void Other_headers_mean_the_whole_body(string header, long length) =>
        Assert.Equal(default, ByteRange.Resolve(header, length));

    [Fact]
    public void A_satisfiable_range_always_lies_inside_the_body()
    {
        var specs = Gen.OneOf(
            Generators.TextOf(5, "0", "7", "12", "-", "-", ",", " ", "9223372036854775807", "x").Select(t => "bytes=" + t), Generators.AnyText);
        var cases =
            from header in specs
            from length in Gen.Elements(0L, 1L, 7L, 100L, long.MaxValue)
            select (header, length);
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var range = ByteRange.Resolve(c.header, c.length);
            return range.Kind == ByteRangeKind.Satisfiable
                ? 0 <= range.Start && range.Start <= range.End && range.End < c.length && range.Length >= 1
                : range.Length == 0;
        }).Check(20_000);
    }
}

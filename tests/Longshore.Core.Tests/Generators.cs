using FsCheck;
using FsCheck.Fluent;

namespace Longshore.Core.Tests;

/// <summary>What several property tests draw from.</summary>
internal static class Generators
{
    private const string Alphanumeric = "abcdefghijklmnopqrstuvwxyz0123456789";

    // Components that the routes of the distribution API also use.
    private static readonly string[] Keywords = ["blobs", "uploads", "manifests", "tags", "list", "referrers", "v2", "catalog"];

    /// <summary>A property that is tried this often; failures show the shrunk or at least the smallest case found.</summary>
    public static void Check(this Property property, int tries = 1000) =>
        property.Check(Config.QuickThrowOnFailure.WithMaxTest(tries));

    /// <summary>Text of 0 to <paramref name="max"/> pieces, each one of the given.</summary>
    public static Gen<string> TextOf(int max, params string[] pieces) =>
        from count in Gen.Choose(0, max)
        from chosen in Gen.Elements(pieces).ArrayOf(count)
        select string.Concat(chosen);

    /// <summary>Well-formed names of at most 128 characters, rich in components that look like routes.</summary>
    public static Gen<string> Name { get; } =
        from components in Gen.Choose(1, 6).SelectMany(n => Component().ArrayOf(n))
        let name = string.Join('/', components)
        select name.Length < 2 ? name + "0" : name;

    /// <summary>A digest of either algorithm.</summary>
    public static Gen<string> DigestText { get; } =
        from algorithm in Gen.Elements(("sha256:", 64), ("sha512:", 128))
        from hex in Gen.Elements("0123456789abcdef".ToCharArray()).ArrayOf(algorithm.Item2)
        select algorithm.Item1 + new string(hex);

    /// <summary>Any string that a client could send, unpaired surrogates included.</summary>
    public static Gen<string> AnyText { get; } =
        from chars in Gen.OneOf(Gen.Choose(0, 0x7f), Gen.Choose(0, 0xffff)).Select(c => (char)c).ArrayOf()
        select new string(chars);

    private static Gen<string> Component() => Gen.Frequency(
        (2, Gen.Elements(Keywords)),
        (1, from start in Word()
            from separator in Gen.Elements(".", "_", "__", "-", "---")
            from end in Word()
            select start + separator + end),
        (1, Word()));

    private static Gen<string> Word() =>
        from length in Gen.Choose(1, 8)
        from chars in Gen.Elements(Alphanumeric.ToCharArray()).ArrayOf(length)
        select new string(chars);
}

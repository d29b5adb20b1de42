using FsCheck;
using FsCheck.Fluent;
using Longshore.Core.Oci;

namespace Longshore.Core.Tests.Oci;

public sealed class RegistryPathTests
{
    private static readonly RegistryRoute[] NamedRoutes =
    [
        RegistryRoute.TagsList, RegistryRoute.Manifest, RegistryRoute.Blob, RegistryRoute.UploadStart, RegistryRoute.Upload,
        RegistryRoute.Referrers,
    ];

    // Tags and upload ids that look like routes; a blob's tail is a digest, so that it cannot be "uploads".
    private static readonly Gen<string> Tail =
        Gen.OneOf(Gen.Elements("latest", "list", "uploads", "blobs", "manifests", "tags", "_catalog", "...", ".x", "x."), Generators.DigestText);

    [Fact]
    public void A_formatted_path_parses_to_what_it_was_made_of()
    {
        var cases =
            from route in Gen.Elements(NamedRoutes)
            from name in Generators.Name
            from tail in route == RegistryRoute.Blob ? Generators.DigestText : Tail
            select (route, name, tail);
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var path = Format(c.route, c.name, c.tail);
            var expectedTail = c.route is RegistryRoute.TagsList or RegistryRoute.UploadStart ? "" : c.tail;
            return RegistryPath.TryParse(path, out var parsed)
                && parsed.Route == c.route && parsed.RawName == c.name && parsed.Tail == expectedTail
                && parsed.TryGetName(out var name) && name.Value == c.name
                && parsed.ToString() == "/v2" + path;
        }).Check(10_000);
    }

    [Fact]
    public void No_text_throws_and_what_parses_formats_back()
    {
        var odd = Generators.TextOf(
            9, "/", "//", "a", "ab", ".", "..", "%", "%2f", "\\", "\0", "\n", "\u0085", "blobs", "uploads", "manifests", "tags", "list",
            "referrers", "_catalog", "Ä", "\ud800", ":", " ");
        var texts = Gen.OneOf(odd.Select(t => "/" + t), odd, Generators.AnyText);
        Prop.ForAll(texts.ToArbitrary(), text =>
        {
            if (!RegistryPath.TryParse(text, out var path)) return path == default;
            if (text.Length == 0) return path.Route == RegistryRoute.Base;
            var segments = text.Split('/')[1..];
            var lawful = Array.TrueForAll(segments[..^1], s => s.Length > 0) && !segments.Contains(".") && !segments.Contains("..")
                && !text.Contains('%', StringComparison.Ordinal) && !text.Contains('\\', StringComparison.Ordinal) && !text.Any(c => c < ' ' || c == '\u007f');
            var formatted = path.ToString()["/v2".Length..];
            return lawful && path.Route != RegistryRoute.None
                && (formatted == text || formatted == text + "/");
        }).Check(50_000);
    }

    [Theory]
    [InlineData("", RegistryRoute.Base, "", "")]
    [InlineData("/", RegistryRoute.Base, "", "")]
    [InlineData("/_catalog", RegistryRoute.Catalog, "", "")]
    [InlineData("/a/tags/list", RegistryRoute.TagsList, "a", "")]
    [InlineData("/a/tags/list/tags/list", RegistryRoute.TagsList, "a/tags/list", "")]
    [InlineData("/tags/list/manifests/list", RegistryRoute.Manifest, "tags/list", "list")]
    [InlineData("/x/blobs/uploads", RegistryRoute.UploadStart, "x", "")]
    [InlineData("/x/blobs/uploads/", RegistryRoute.UploadStart, "x", "")]
    [InlineData("/x/blobs/uploads/uploads", RegistryRoute.Upload, "x", "uploads")]
    [InlineData("/x/blobs/uploads/blobs/uploads", RegistryRoute.UploadStart, "x/blobs/uploads", "")]
    [InlineData("/x/manifests/blobs/uploads/y", RegistryRoute.Upload, "x/manifests", "y")]
    [InlineData("/manifests/blobs/uploads", RegistryRoute.UploadStart, "manifests", "")]
    [InlineData("/blobs/uploads/manifests/latest", RegistryRoute.Manifest, "blobs/uploads", "latest")]
    [InlineData("/blobs/blobs/uploads/blobs", RegistryRoute.Upload, "blobs", "blobs")]
    [InlineData("/x/blobs/sha256:abc", RegistryRoute.Blob, "x", "sha256:abc")]
    [InlineData("/x/y/z/referrers/sha256:abc", RegistryRoute.Referrers, "x/y/z", "sha256:abc")]
    [InlineData("/x/manifests/.invalid", RegistryRoute.Manifest, "x", ".invalid")]
    public void Paths_are_read_from_their_end(string path, RegistryRoute route, string name, string tail)
    {
        Assert.True(RegistryPath.TryParse(path, out var parsed));
        Assert.Equal((route, name, tail), (parsed.Route, parsed.RawName, parsed.Tail));
    }

    [Theory]
    [InlineData("x")]
    [InlineData("//")]
    [InlineData("/x")]
    [InlineData("/x/y")]
    [InlineData("/_catalog/")]
    [InlineData("/tags/list")]
    [InlineData("/manifests/latest")]
    [InlineData("/blobs/sha256:abc")]
    [InlineData("/blobs/uploads")]
    [InlineData("/blobs/uploads/")]
    [InlineData("/blobs/uploads/id")]
    [InlineData("/x/uploads/id")]
    [InlineData("/x/tags/latest")]
    [InlineData("/x/manifests/")]
    [InlineData("/x/tags/list/")]
    [InlineData("/x/blobs/")]
    [InlineData("/x/blobs/uploads/id/")]
    [InlineData("/x/blobs/uploads//")]
    [InlineData("//x/manifests/latest")]
    [InlineData("/x//manifests/latest")]
    [InlineData("/x/../y/manifests/latest")]
    [InlineData("/../x/manifests/latest")]
    [InlineData("/x/./manifests/latest")]
    [InlineData("/x/manifests/..")]
    [InlineData("/x/manifests/.")]
    [InlineData("/x%2fy/manifests/latest")]
    [InlineData("/x\\y/manifests/latest")]
    [InlineData("/x/manifests/latest\n")]
    [InlineData("/x/manifests/la\u007ftest")]
    [InlineData("/X/MANIFESTS/latest")]
    public void Other_paths_are_none_of_the_api(string path) => Assert.False(RegistryPath.TryParse(path, out _));

    [Theory]
    [InlineData("/UPPER/manifests/latest", "UPPER")]
    [InlineData("/_catalog/manifests/latest", "_catalog")]
    [InlineData("/a/tags/list", "a")]
    [InlineData("/ärger/tags/list", "ärger")]
    [InlineData("/ab/.cd/tags/list", "ab/.cd")]
    public void A_malformed_name_is_told_from_an_unknown_path(string path, string name)
    {
        Assert.True(RegistryPath.TryParse(path, out var parsed));
        Assert.Equal(name, parsed.RawName);
        Assert.False(parsed.TryGetName(out _));
    }

    [Fact]
    public void A_name_of_257_characters_parses_and_is_malformed()
    {
        Assert.True(RegistryPath.TryParse($"/{new string('a', 256)}/tags/list", out var longest));
        Assert.True(longest.TryGetName(out _));
        Assert.True(RegistryPath.TryParse($"/{new string('a', 257)}/tags/list", out var tooLong));
        Assert.False(tooLong.TryGetName(out _));
    }

    [Fact]
    public void Nothing_but_name_and_tail_is_allocated()
    {
        const string path = "/team/app/manifests/latest";
        const string refused = "/team/app/manifests/la%test";
        Parse(path, refused);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++) Parse(path, refused);
        var each = (GC.GetAllocatedBytesForCurrentThread() - before) / 100;

        // Two strings: header, length and terminator in 22 bytes, 2 bytes per character, rounded up to 8.
        Assert.Equal(((22 + (2 * "team/app".Length) + 7) & ~7) + ((22 + (2 * "latest".Length) + 7) & ~7), each);

        static void Parse(string good, string bad)
        {
            if (!RegistryPath.TryParse(good, out _) || RegistryPath.TryParse(bad, out _)) throw new InvalidOperationException();
        }
    }

    private static string Format(RegistryRoute route, string name, string tail) => route switch
    {
        RegistryRoute.TagsList => $"/{name}/tags/list",
        RegistryRoute.Manifest => $"/{name}/manifests/{tail}",
        RegistryRoute.Blob => $"/{name}/blobs/{tail}",
        RegistryRoute.UploadStart => $"/{name}/blobs/uploads/",
        RegistryRoute.Upload => $"/{name}/blobs/uploads/{tail}",
        _ => $"/{name}/referrers/{tail}",
    };
}

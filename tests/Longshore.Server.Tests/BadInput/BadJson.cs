namespace Longshore.Server.Tests.BadInput;

/// <summary>Texts that are no JSON, or none that anybody should have to read; bytes as Latin-1.</summary>
internal static class BadJson
{
    /// <summary>Wrong for every document that is an object with known members.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        "", " ", "{", "}", "[", "]", "null", "true", "0", "\"\"", "[]", "[{}]", "{]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{'a':1}", "{a:1}",
        "{\"a\":1}{\"b\":2}", "{} x", "\u0000", "{\"a\":\"\u0000\"}", "{\"a\":\"\\x\"}", "\u00ef\u00bb\u00bf", "\u00ff\u00fe{\u0000}\u0000",
        "{\"a\":NaN}", "{\"a\":Infinity}", "{\"a\":01}", "{\"a\":-}", "{\"a\":1e}", "// comment\n{}", "{/* */}",
        new string('[', 100_000), new string('[', 100_000) + new string(']', 100_000), Repeat("{\"a\":", 100_000), Repeat("{\"a\":", 5_000) + "1" + new string('}', 5_000),
        "{\"a\":" + new string('9', 100_000), "\"" + new string('a', 200_000),
    ];

    /// <summary>A good manifest, made wrong.</summary>
    public static IEnumerable<string> Manifests(string good)
    {
        yield return good[..^1];
        yield return good[1..];
        yield return good + "}";
        yield return good + good;
        yield return "\u00ef\u00bb\u00bf" + good + "x";
        // Duplicate keys: two readers may take different ones, so that a checked digest is not the one that is pulled.
        yield return good.Replace("\"config\":", "\"config\": {}, \"config\":", StringComparison.Ordinal);
        yield return good.Replace("\"layers\":", "\"layers\": [], \"layers\":", StringComparison.Ordinal);
        yield return good.Replace("\"digest\":", "\"digest\": \"sha256:0\", \"digest\":", StringComparison.Ordinal);
        yield return good.Replace("\"size\":", "\"size\": 1, \"size\":", StringComparison.Ordinal);
        foreach (var number in (string[])["1e400", "-1", "1.5", "99999999999999999999", "9223372036854775808", "\"5\"", "null", "true", "[]", "{}", "-0.0", "1e2147483648", new string('9', 1000)])
            yield return System.Text.RegularExpressions.Regex.Replace(good, "\"size\": [0-9]+", $"\"size\": {number}");
        foreach (var version in (string[])["1", "3", "\"2\"", "null", "2.5", "99999999999999999999", "[]"])
            yield return good.Replace("\"schemaVersion\": 2", $"\"schemaVersion\": {version}", StringComparison.Ordinal);
        foreach (var value in (string[])["1", "\"x\"", "{}", "[[]]", "[null]", "[1]", "[{}]", "{\"digest\": null}"])
        {
            yield return good.Replace("\"layers\": [", $"\"layers\": {value}, \"x\": [", StringComparison.Ordinal);
            yield return good.Replace("\"config\": {", $"\"config\": {value}, \"x\": {{", StringComparison.Ordinal);
            yield return good.Replace("\"layers\": [", $"\"subject\": {value}, \"layers\": [", StringComparison.Ordinal);
        }
    }

    private static string Repeat(string text, int count) => string.Concat(Enumerable.Repeat(text, count));
}

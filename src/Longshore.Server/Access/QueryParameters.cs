using System.Net;

namespace Longshore.Server.Access;

/// <summary>The parameters of an undecoded query, in their order, repeats included.</summary>
internal static class QueryParameters
{
    /// <summary>Splits and decodes a query (without its question mark). Empty items are skipped; a name without '=' has an empty value.</summary>
    public static List<(string Name, string Value)> Parse(ReadOnlySpan<char> query)
    {
        var parameters = new List<(string, string)>();
        foreach (var range in query.Split('&'))
        {
            var item = query[range];
            if (item.IsEmpty) continue;
            var equals = item.IndexOf('=');
            parameters.Add(equals < 0 ? (Decode(item), "") : (Decode(item[..equals]), Decode(item[(equals + 1)..])));
        }

        return parameters;
    }

    private static string Decode(ReadOnlySpan<char> text) =>
        text.IndexOfAny('%', '+') < 0 ? text.ToString() : WebUtility.UrlDecode(text.ToString());
}

using System.Runtime.InteropServices;
using System.Text;

namespace Longshore.Server.Tests.BadInput;

/// <summary>Damages good requests, reproducibly.</summary>
internal static class RequestMutator
{
    private static readonly byte[][] Tokens =
    [
        .. ((string[])
        [
            "..", "%2e%2e%2f", "%00", "\0", "\r\n", "\n", " ", "\t", "/", "//", "\\", "?", "&", "=", "%", "%%", "\"", "'", "{", "}", "[", "]", ",", ":", ";", "@", "-1", "0", "1e999",
            "9223372036854775807", "9223372036854775808", "99999999999999999999999", "\u00ff\u00fe", "\u00c3\u00a9", "sha256:", "sha512:", "null", "true", "\\u0000", "\\ud800", "bytes=", "chunked",
            "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n", "Content-Range: 5-1\r\n", "Range: bytes=-5\r\n", "Expect: 100-continue\r\n", "Host: 210987654321.dkr.ecr.eu-west-1.localhost\r\n",
            "Content-Encoding: gzip\r\n", "Connection: keep-alive\r\n", "0\r\n\r\n", "5\r\nabcde\r\n",
        ]).Select(Encoding.Latin1.GetBytes),
        new byte[300],
    ];

    private static readonly byte[] Harmless = "abcxyz0189-_.~:/?=&%@+,;!*()'{}[]\"AZ"u8.ToArray();

    /// <summary>One of the requests with one or two kinds of damage.</summary>
    public static byte[] Mutate(IReadOnlyList<byte[]> corpus, Random random)
    {
        var request = new List<byte>(corpus[random.Next(corpus.Count)]);
        for (var left = random.Next(1, 3); left > 0 && request.Count > 0; left--)
        {
            var (start, end) = PickZone(request, random);
            var at = random.Next(start, end);
            var length = Math.Min(random.Next(1, 12), request.Count - at);
            // Damage that an HTTP parser lets through is what reaches code of ours.
            if (random.Next(2) == 0)
            {
                request[at] = Harmless[random.Next(Harmless.Length)];
                continue;
            }

            switch (random.Next(8))
            {
                case 0: request[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: request[at] = (byte)random.Next(256); break;
                case 2: request.RemoveRange(at, length); break;
                case 3: request.InsertRange(at, request.GetRange(at, length)); break;
                case 4 or 5: request.InsertRange(at, Tokens[random.Next(Tokens.Length)]); break;
                case 6: Replace(request, at, length, Tokens[random.Next(Tokens.Length)]); break;
                default:
                    var other = corpus[random.Next(corpus.Count)];
                    var from = random.Next(other.Length);
                    Replace(request, at, length, other.AsSpan(from, Math.Min(random.Next(1, 60), other.Length - from)).ToArray());
                    break;
            }

            if (random.Next(20) == 0) request.RemoveRange(request.Count / 2, request.Count - (request.Count / 2));
        }

        return [.. request];
    }

    /// <summary>A JSON text with its values changed for others, sometimes broken.</summary>
    public static string MutateJson(string json, Random random)
    {
        string[] values =
        [
            "null", "true", "0", "-1", "1.5", "1e999", "9223372036854775808", "\"\"", "\"x\"", "[]", "{}", "[null]", "\"\\u0000\"", "\"..\"", "\"" + new string('a', 2000) + "\"", "\"\u00e4\"",
            "[[[[]]]]", "\"sha256:0\"", "\"\\ud83d\\ude00\"",
        ];
        var places = System.Text.RegularExpressions.Regex.Matches(json, "\"(?:[^\"\\\\]|\\\\.)*\"(?!:)|(?<=:)[0-9]+|true|false|\\[|\\{");
        var place = places[random.Next(places.Count)];
        var value = values[random.Next(values.Length)];
        if (place.Value is "[" or "{") return random.Next(2) == 0 ? json.Remove(place.Index, 1) : json.Insert(place.Index + 1, value + ",");
        return json.Remove(place.Index, place.Length).Insert(place.Index, value);
    }

    // Target of the request line, content, or anything: the first two are where parsers of ours read.
    private static (int Start, int End) PickZone(List<byte> request, Random random)
    {
        var target = request.IndexOf((byte)' ') + 1;
        var targetEnd = request.IndexOf((byte)' ', target);
        var content = CollectionsMarshal.AsSpan(request).IndexOf("\r\n\r\n"u8) + 4;
        return random.Next(5) switch
        {
            0 or 1 or 2 when target > 0 && targetEnd > target => (target, targetEnd),
            3 when content > 4 && content < request.Count => (content, request.Count),
            _ => (0, request.Count),
        };
    }

    private static void Replace(List<byte> request, int at, int length, byte[] with)
    {
        request.RemoveRange(at, length);
        request.InsertRange(at, with);
    }
}

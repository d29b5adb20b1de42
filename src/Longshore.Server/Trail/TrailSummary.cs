using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Longshore.Server.Trail;

/// <summary>
/// What a sealed segment holds, beside it in a small file, so that a search opens only segments that can match. Authenticated: one that was
/// tampered with is passed over and the segment is read instead.
/// </summary>
internal static class TrailSummary
{
    /// <summary>Reads a sealed segment and makes its summary.</summary>
    public static byte[] Make(Stream segment, TrailSegmentInfo info, TrailKeys keys)
    {
        var hashes = new HashSet<ulong>();
        using (var lines = new TrailLines(segment))
        {
            while (lines.TryRead(out var line))
            {
                if (TrailLine.SequenceOf(line) == 0 || TrailRecord.Read(line) is not { IsTold: true } record) continue;
                foreach (var (kind, value) in record.Keys()) hashes.Add(TrailBloom.Hash(kind, value));
            }
        }

        var bloom = Convert.ToBase64String(TrailBloom.Of(hashes).Bytes);
        var key = keys.CurrentId;
        return Encoding.UTF8.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $$"""{"segment":{{info.Number}},"records":{{info.Records}},"first":{{info.FirstSequence}},"last":{{info.LastSequence}},"from":{{info.From}},"to":{{info.To}},"chain":"{{info.Chain}}","bloom":"{{bloom}}","key":{{key}},"mac":"{{keys.Mac(key, Text(info, bloom))}}"}"""));
    }

    /// <summary>Reads a summary; false when it is missing, broken, or not by a key of this server.</summary>
    public static bool TryRead(string path, TrailKeys keys, out TrailSegmentInfo info, out TrailBloom? bloom)
    {
        info = default;
        bloom = null;
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = document.RootElement;
            info = new TrailSegmentInfo(root.GetProperty("segment").GetInt64())
            {
                Records = root.GetProperty("records").GetInt64(),
                FirstSequence = root.GetProperty("first").GetInt64(),
                LastSequence = root.GetProperty("last").GetInt64(),
                From = root.GetProperty("from").GetInt64(),
                To = root.GetProperty("to").GetInt64(),
                Chain = root.GetProperty("chain").GetString(),
                IsSealed = true,
            };
            var text = root.GetProperty("bloom").GetString()!;
            if (!keys.Verify(root.GetProperty("key").GetUInt32(), Text(info, text), root.GetProperty("mac").GetString())) return false;
            var bytes = Convert.FromBase64String(text);
            if (!TrailBloom.IsValid(bytes)) return false;
            bloom = new TrailBloom(bytes);
            return true;
        }
        catch (Exception e) when (e is IOException or JsonException or KeyNotFoundException or InvalidOperationException or FormatException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static string Text(TrailSegmentInfo info, string bloom) =>
        string.Create(CultureInfo.InvariantCulture, $"summary {info.Number} {info.Records} {info.FirstSequence} {info.LastSequence} {info.From} {info.To} {info.Chain} {bloom}");
}

using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Longshore.Core.Oci;

namespace Longshore.Core.Tests.Oci;

public sealed class ManifestFuzzTests
{
    private static readonly string[] Values =
    [
        "null", "true", "0", "-1", "1e400", "9223372036854775807", "1.5", "\"\"", "\"a/b\"", "\"\\ud800\"", "\"\\u0000\"", "[]", "{}", "[{}]",
        "{\"a\":1}", $"\"{ManifestSamples.A}\"", ManifestSamples.Descriptor(ManifestSamples.B, 3), $"\"{MediaTypes.OciIndex}\"",
    ];

    private static readonly Gen<string> Sample = Gen.Elements(ManifestSamples.Image, ManifestSamples.ImageIndex, ManifestSamples.Other);

    private static readonly Gen<string?> Declared =
        Gen.Elements(null, "", MediaTypes.OciManifest, MediaTypes.OciIndex, MediaTypes.DockerManifest, MediaTypes.OciArtifactManifest, "a/b", "/");

    [Fact]
    public void Damaged_bytes_never_throw()
    {
        var damaged =
            from sample in Sample
            from declared in Declared
            from edits in Gen.Choose(1, 4).SelectMany(n => Edit().ArrayOf(n))
            select (Bytes: edits.Aggregate(Encoding.UTF8.GetBytes(sample), (bytes, edit) => edit(bytes)), declared);
        Prop.ForAll(damaged.ToArbitrary(), c => IsSound(ManifestDocument.Parse(c.Bytes, c.declared))).Check(10_000);
    }

    [Fact]
    public void Arbitrary_bytes_never_throw()
    {
        var bytes = Gen.Choose(0, 255).Select(b => (byte)b).ArrayOf();
        Prop.ForAll(bytes.ToArbitrary(), b => IsSound(ManifestDocument.Parse(b, "a/b"))).Check(2000);
        Prop.ForAll(Generators.AnyText.ToArbitrary(), text => IsSound(ManifestSamples.Parse("{}", text))).Check(2000);
    }

    [Fact]
    public void Any_value_in_any_place_never_throws()
    {
        var replaced =
            from sample in Sample
            from declared in Declared
            from place in Gen.Choose(0, CountValues(sample) - 1)
            from value in Gen.Elements(Values)
            select (Json: Rewrite(sample, replaceValue: place, value: value), declared);
        Prop.ForAll(replaced.ToArbitrary(), c => IsSound(ManifestSamples.Parse(c.Json, c.declared))).Check(10_000);
    }

    [Fact]
    public void A_member_twice_in_any_object_is_refused_however_it_is_escaped()
    {
        var doubled =
            from sample in Sample
            from member in Gen.Choose(0, CountMembers(sample) - 1)
            from escaped in Gen.Elements(false, true)
            select Rewrite(sample, repeatMember: member, escapeRepeated: escaped);
        foreach (var sample in new[] { ManifestSamples.Image, ManifestSamples.ImageIndex, ManifestSamples.Other })
            Assert.True(ManifestSamples.Parse(Rewrite(sample), sample == ManifestSamples.Other ? "a/b" : null).Succeeded);
        Prop.ForAll(doubled.ToArbitrary(), json =>
            ManifestSamples.Parse(json, json.Contains("\"nested\"", StringComparison.Ordinal) ? "a/b" : null).Error is { } error
            && error.Message.Contains("strict JSON", StringComparison.Ordinal)).Check(1000);
    }

    /// <summary>What holds of every outcome, whatever came in.</summary>
    private static bool IsSound(Outcome<ManifestDocument> outcome)
    {
        if (!outcome.TryGet(out var document, out var error)) return error.Code == ErrorCode.ManifestInvalid && error.Message.Length > 0;
        var blobs = document.BlobReferences;
        return MediaTypes.IsWellFormed(document.MediaType)
            && (document.Kind == ManifestKind.Index || document.Children.Count == 0)
            && (document.Kind == ManifestKind.ImageManifest || (blobs.Count == 0 && document.Layers.Count == 0 && document.Config is null))
            && blobs.Concat(document.Children).All(d => d.Size >= 0 && d.Digest.Value is not null)
            && blobs.DistinctBy(b => b.Digest).Count() == blobs.Count
            && document.Layers.All(l => blobs.Any(b => b.Digest == l.Digest))
            && document.ImageSize == blobs.Where(b => !b.IsForeign).Sum(b => b.Size);
    }

    private static Gen<Func<byte[], byte[]>> Edit() =>
        from kind in Gen.Choose(0, 3)
        from place in Gen.Choose(0, int.MaxValue - 1)
        from length in Gen.Choose(1, 30)
        from value in Gen.OneOf(Gen.Choose(0, 255), Gen.Elements("{}[]\",:\\0-e".Select(c => (int)c).ToArray()))
        select new Func<byte[], byte[]>(bytes => Apply(bytes, kind, place, length, (byte)value));

    private static byte[] Apply(byte[] bytes, int kind, int place, int length, byte value)
    {
        if (bytes.Length == 0) return [value];
        var at = place % bytes.Length;
        var end = Math.Min(bytes.Length, at + length);
        var before = bytes[..at];
        return kind switch
        {
            0 => [.. before, value, .. bytes.AsSpan(at + 1)],
            1 => [.. before, .. bytes.AsSpan(end)],
            2 => [.. before, .. bytes.AsSpan(at, end - at), .. bytes.AsSpan(at)],
            _ => [.. before, value, .. bytes.AsSpan(at)],
        };
    }

    private static int CountMembers(string json)
    {
        using var document = JsonDocument.Parse(json);
        return Walk(document.RootElement).Where(e => e.ValueKind == JsonValueKind.Object).Sum(e => e.EnumerateObject().Count());
    }

    private static int CountValues(string json)
    {
        using var document = JsonDocument.Parse(json);
        return Walk(document.RootElement).Count();
    }

    private static IEnumerable<JsonElement> Walk(JsonElement element)
    {
        yield return element;
        var children = element.ValueKind switch
        {
            JsonValueKind.Object => element.EnumerateObject().Select(m => m.Value),
            JsonValueKind.Array => element.EnumerateArray(),
            _ => [],
        };
        foreach (var child in children)
            foreach (var descendant in Walk(child)) yield return descendant;
    }

    /// <summary>Writes the JSON again with the nth value replaced or the nth member written twice, counted in document order.</summary>
    private static string Rewrite(string json, int replaceValue = -1, string value = "", int repeatMember = -1, bool escapeRepeated = false)
    {
        using var document = JsonDocument.Parse(json);
        var (values, members) = (0, 0);
        var text = new StringBuilder();
        Write(document.RootElement);
        return text.ToString();

        void Write(JsonElement element)
        {
            if (values++ == replaceValue)
            {
                text.Append(value);
                return;
            }

            if (element.ValueKind == JsonValueKind.Object)
            {
                text.Append('{');
                var first = true;
                foreach (var member in element.EnumerateObject())
                {
                    if (!first) text.Append(',');
                    first = false;
                    var repeat = members++ == repeatMember;
                    text.Append('"').Append(member.Name).Append("\":");
                    Write(member.Value);
                    if (!repeat) continue;
                    var name = escapeRepeated ? $"\\u{(int)member.Name[0]:x4}{member.Name[1..]}" : member.Name;
                    text.Append(",\"").Append(name).Append("\":").Append(member.Value.GetRawText());
                }

                text.Append('}');
            }
            else if (element.ValueKind == JsonValueKind.Array)
            {
                text.Append('[');
                var first = true;
                foreach (var item in element.EnumerateArray())
                {
                    if (!first) text.Append(',');
                    first = false;
                    Write(item);
                }

                text.Append(']');
            }
            else
            {
                text.Append(element.GetRawText());
            }
        }
    }
}

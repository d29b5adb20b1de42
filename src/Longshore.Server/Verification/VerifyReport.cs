using System.Globalization;
using System.Text.Json;

namespace Longshore.Server.Verification;

/// <summary>Tells a verification to people, or to machines with <c>--json</c>. Progress goes to the error stream, so that output can be piped.</summary>
internal sealed class VerifyReport(TextWriter output, TextWriter error, bool json, TimeProvider time)
{
    private readonly ProgressLine line = new(error, time);

    /// <summary>Tells a finding at once.</summary>
    public void Add(Finding finding)
    {
        line.Clear();
        if (json)
        {
            Write(writer =>
            {
                writer.WriteString("finding", finding.Kind.ToString());
                writer.WriteString("subject", finding.Subject);
                writer.WriteString("message", finding.Message);
                writer.WriteStartArray("images");
                foreach (var image in finding.Images) writer.WriteStringValue(image);
                writer.WriteEndArray();
                if (finding.Repaired is not null) writer.WriteString("repaired", finding.Repaired);
            });
            return;
        }

        output.WriteLine($"{(finding.IsHarmless ? "orphan " : "DAMAGED")}  {finding.Message}");
        foreach (var image in finding.Images) output.WriteLine($"           hits {image}");
        if (finding.Repaired is not null) output.WriteLine($"           {finding.Repaired}");
    }

    /// <summary>Tells how far it is, now and then.</summary>
    public void Progress(VerifyProgress progress) => line.Show(() => progress.Total > 0
        ? string.Create(CultureInfo.InvariantCulture, $"{progress.Step}: {Amount(progress.Done, progress.Unit)} of {Amount(progress.Total, progress.Unit)} ({100.0 * progress.Done / progress.Total:0}%)")
        : $"{progress.Step}: {Amount(progress.Done, progress.Unit)}");

    /// <summary>Tells the sum of it.</summary>
    public void End(VerifySummary summary, bool repair)
    {
        line.Clear();
        if (json)
        {
            Write(writer =>
            {
                writer.WriteNumber("blobs", summary.Bodies);
                writer.WriteNumber("blobBytes", summary.BodyBytes);
                writer.WriteNumber("manifests", summary.Manifests);
                writer.WriteNumber("storedBodies", summary.StoredBodies);
                writer.WriteNumber("findings", summary.Findings);
                writer.WriteNumber("damaged", summary.Findings - summary.Harmless);
                writer.WriteNumber("orphans", summary.Harmless);
                writer.WriteNumber("repaired", summary.Repaired);
            });
            return;
        }

        output.WriteLine($"Verified {Count(summary.Bodies)} blobs ({Amount(summary.BodyBytes, "bytes")}), {Count(summary.Manifests)} manifests, {Count(summary.StoredBodies)} stored bodies.");
        var damaged = summary.Findings - summary.Harmless;
        output.WriteLine(summary.Findings == 0
            ? "All well."
            : $"{Count(damaged)} damaged or missing, {Count(summary.Harmless)} orphans, {Count(summary.Repaired)} repaired.{(repair || summary.Findings == 0 ? "" : " Stop the server and run verify --repair to remove orphans and set damaged blobs aside.")}");
    }

    private void Write(Action<Utf8JsonWriter> members)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            members(writer);
            writer.WriteEndObject();
        }

        output.WriteLine(System.Text.Encoding.UTF8.GetString(stream.ToArray()));
    }

    private static string Count(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string Amount(long number, string unit) => unit switch
    {
        "bytes" when number >= 1L << 30 => string.Create(CultureInfo.InvariantCulture, $"{number / (double)(1L << 30):0.0} GiB"),
        "bytes" when number >= 1L << 20 => string.Create(CultureInfo.InvariantCulture, $"{number / (double)(1L << 20):0.0} MiB"),
        _ => $"{Count(number)} {unit}".TrimEnd(),
    };
}

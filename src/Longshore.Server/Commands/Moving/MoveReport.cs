using System.Globalization;
using Longshore.Server.Backups.Moving;
using Longshore.Server.Commands.Clients;
using Longshore.Server.Verification;

namespace Longshore.Server.Commands.Moving;

/// <summary>Tells how a move goes on the error stream, with rate and time left, and its result on the output.</summary>
internal sealed class MoveReport(TextWriter output, TextWriter error, bool json, TimeProvider time)
{
    private readonly ProgressLine line = new(error, time);
    private readonly Lock gate = new();

    // What each step had done when it was first told of, by unit: one step may tell of bytes and of changes in turn.
    private readonly Dictionary<(string Step, string Unit), (long Done, long At)> begun = [];

    /// <summary>How far it is; from any thread.</summary>
    public void Progress(MoveProgress progress)
    {
        (long Done, long At) first;
        lock (gate)
        {
            var key = (progress.Step.Split(' ')[0], progress.Unit);
            if (!begun.TryGetValue(key, out first)) begun[key] = first = (progress.Done, time.GetTimestamp());
        }

        line.Show(() =>
        {
            var rate = (progress.Done - first.Done) / Math.Max(time.GetElapsedTime(first.At).TotalSeconds, 0.001);
            var left = progress.Total > progress.Done && rate > 0 ? TimeSpan.FromSeconds((progress.Total - progress.Done) / rate) : TimeSpan.Zero;
            return Text($"{progress.Step}: {Amount(progress.Done, progress.Unit)}{(progress.Total > 0 ? " of " + Amount(progress.Total, progress.Unit) : "")}, {Amount((long)rate, progress.Unit)}/s{(left > TimeSpan.Zero ? $", {left:d\\.hh\\:mm\\:ss} left" : "")}");
        });
    }

    /// <summary>A sentence on a line of its own.</summary>
    public void Say(string text) => line.Say(text);

    /// <summary>The result.</summary>
    /// <param name="result">What was done.</param>
    /// <param name="verified">What a look at the target came to; null for none.</param>
    /// <param name="wrong">What it found that is not harmless.</param>
    public void End(MoveResult result, VerifySummary? verified, int wrong)
    {
        foreach (var digest in result.Damaged) Say($"DAMAGED  {digest} is missing or damaged at the source.");
        if (json)
        {
            Screen.Json(output, writer =>
            {
                writer.WriteBoolean("finished", result.Finished);
                writer.WriteNumber("copiedBlobs", result.Bodies);
                writer.WriteNumber("copiedBytes", result.BodyBytes);
                writer.WriteNumber("rows", result.Rows);
                writer.WriteNumber("changes", result.Changes);
                if (result.Finished) writer.WriteNumber("cutSeconds", Math.Round(result.Cut.TotalSeconds, 3));
                if (verified is not null)
                {
                    writer.WriteNumber("verifiedBlobs", verified.Bodies);
                    writer.WriteNumber("verifiedManifests", verified.Manifests);
                    writer.WriteNumber("findings", wrong);
                }

                writer.WriteStartArray("damaged");
                foreach (var digest in result.Damaged) writer.WriteStringValue(digest);
                writer.WriteEndArray();
            });
            return;
        }

        output.WriteLine(Text($"{(result.Finished ? "Moved" : "Copied")}: {result.Bodies:N0} blobs ({Screen.Bytes(result.BodyBytes)}), {result.Rows:N0} rows, {result.Changes:N0} changes in this run."));
        if (result.Finished) output.WriteLine(Text($"Cut: {result.Cut.TotalSeconds:0.000} s."));
        if (verified is not null)
            output.WriteLine(wrong == 0 ? Text($"Verified: {verified.Bodies:N0} blobs and {verified.Manifests:N0} manifests, every blob and every reference is whole.") : Text($"{wrong:N0} things are damaged."));
    }

    private static string Amount(long amount, string unit) => unit == "bytes" ? Screen.Bytes(amount) : Text($"{amount:N0} {unit}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

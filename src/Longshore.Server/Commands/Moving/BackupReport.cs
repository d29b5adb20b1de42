using System.Globalization;
using Longshore.Server.Backups;
using Longshore.Server.Commands.Clients;
using Longshore.Server.Verification;

namespace Longshore.Server.Commands.Moving;

/// <summary>Tells progress on the error stream now and then, and the result on the output.</summary>
internal sealed class BackupReport(TextWriter output, TextWriter error, bool json, TimeProvider time)
{
    private readonly ProgressLine line = new(error, time);

    /// <summary>How far it is.</summary>
    public void Progress(BackupProgress progress) => line.Show(() => progress.OfBodies == 0
        ? progress.Step
        : string.Create(
            CultureInfo.InvariantCulture,
            $"{progress.Step}: {progress.Bodies:N0} of {progress.OfBodies:N0}, {Screen.Bytes(progress.Bytes)} of {Screen.Bytes(progress.OfBytes)}"));

    /// <summary>The result.</summary>
    /// <param name="result">What was done.</param>
    /// <param name="done">The verb: <c>Backed up</c> or <c>Restored</c>.</param>
    /// <param name="where">Where to.</param>
    /// <param name="remarks">Sentences for people, a line each.</param>
    public void End(BackupResult result, string done, string where, IEnumerable<string> remarks)
    {
        line.Clear();
        if (json)
        {
            Screen.Json(output, writer =>
            {
                writer.WriteString("path", where);
                writer.WriteNumber("repositories", result.Counts.Repositories);
                writer.WriteNumber("images", result.Counts.Images);
                writer.WriteNumber("tags", result.Counts.Tags);
                writer.WriteNumber("blobs", result.Counts.Bodies);
                writer.WriteNumber("blobBytes", result.Counts.BodyBytes);
                writer.WriteNumber("copiedBlobs", result.CopiedBodies);
                writer.WriteNumber("copiedBytes", result.CopiedBytes);
                writer.WriteNumber("removedBlobs", result.RemovedBodies);
                writer.WriteNumber("schema", result.Counts.Schema);
                writer.WriteBoolean("withKeys", result.WithKeys);
                writer.WriteStartArray("damaged");
                foreach (var digest in result.Damaged) writer.WriteStringValue(digest);
                writer.WriteEndArray();
            });
        }
        else
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{done} {result.Counts.Repositories:N0} repositories, {result.Counts.Images:N0} images, {result.Counts.Tags:N0} tags, {result.Counts.Bodies:N0} blobs ({Screen.Bytes(result.Counts.BodyBytes)}) to {where}."));
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"Copied {result.CopiedBodies:N0} blobs ({Screen.Bytes(result.CopiedBytes)}){(result.RemovedBodies > 0 ? $"; removed {result.RemovedBodies:N0} that only the backup before had" : "")}."));
        }

        foreach (var digest in result.Damaged) error.WriteLine($"DAMAGED  {digest} is missing or damaged where it was copied from.");
        foreach (var remark in remarks) error.WriteLine(remark);
    }
}

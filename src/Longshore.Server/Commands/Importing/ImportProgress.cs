using System.Globalization;
using Longshore.Server.Commands.Clients;

namespace Longshore.Server.Commands.Importing;

/// <summary>Tells on the error stream how far an import is: every ten seconds, on a terminal every half second on one line.</summary>
internal sealed class ImportProgress : IAsyncDisposable
{
    private readonly bool terminal = !Console.IsErrorRedirected;
    private readonly CancellationTokenSource end = new();
    private readonly TextWriter error;
    private readonly ImportCounts counts;
    private readonly Pacer pacer;
    private readonly TimeProvider time;
    private readonly Task loop;
    private string repository = "";

    /// <summary>Begins.</summary>
    public ImportProgress(TextWriter error, ImportCounts counts, Pacer pacer, TimeProvider time)
    {
        (this.error, this.counts, this.pacer, this.time) = (error, counts, pacer, time);
        loop = TellAsync();
    }

    /// <summary>A repository is begun.</summary>
    public void Begin(string name) => repository = name;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await end.CancelAsync();
        await loop;
        if (terminal) await error.WriteAsync("\r\u001b[K");
        end.Dispose();
    }

    private async Task TellAsync()
    {
        using var timer = new PeriodicTimer(terminal ? TimeSpan.FromSeconds(0.5) : TimeSpan.FromSeconds(10), time);
        var (bytes, at) = (0L, time.GetTimestamp());
        try
        {
            while (await timer.WaitForNextTickAsync(end.Token))
            {
                var (now, elapsed) = (pacer.Total, time.GetElapsedTime(at).TotalSeconds);
                var text = string.Create(
                    CultureInfo.InvariantCulture,
                    $"{repository}: so far {counts.Images:N0} manifests of {counts.Repositories + 1:N0} repositories, {Screen.Bytes(now)}, {Screen.Bytes((long)((now - bytes) / elapsed))}/s; {counts.Unchanged:N0} were there, {counts.Failed:N0} failed");
                (bytes, at) = (now, time.GetTimestamp());
                if (terminal) await error.WriteAsync("\r\u001b[K" + text);
                else await error.WriteLineAsync(text);
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }
}

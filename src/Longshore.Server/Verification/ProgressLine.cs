namespace Longshore.Server.Verification;

/// <summary>Tells progress on the error stream now and then: on a terminal in one line that is written over, elsewhere in a line each ten seconds. From any thread.</summary>
internal sealed class ProgressLine(TextWriter error, TimeProvider time)
{
    private static readonly TimeSpan OnTerminal = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan InLog = TimeSpan.FromSeconds(10);

    private readonly bool terminal = !Console.IsErrorRedirected;
    private readonly Lock gate = new();
    private long last = time.GetTimestamp();
    private bool open;

    /// <summary>Shows how far it is, if it is time for it.</summary>
    public void Show(Func<string> text)
    {
        lock (gate)
        {
            if (time.GetElapsedTime(last) < (terminal ? OnTerminal : InLog)) return;
            last = time.GetTimestamp();
            open = terminal;
            if (terminal) error.Write("\r\u001b[K" + text());
            else error.WriteLine(text());
        }
    }

    /// <summary>Makes room for what is to stay.</summary>
    public void Clear()
    {
        lock (gate)
        {
            if (open) error.Write("\r\u001b[K");
            open = false;
        }
    }

    /// <summary>A sentence on a line of its own, that stays.</summary>
    public void Say(string text)
    {
        lock (gate)
        {
            Clear();
            error.WriteLine(text);
        }
    }
}

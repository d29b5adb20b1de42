namespace Longshore.TestSupport.Processes;

/// <summary>How to start the server under test.</summary>
public sealed record LongshoreOptions
{
    /// <summary>The server's binary; null: the one under test.</summary>
    public string? Binary { get; init; }

    /// <summary>Data directory; null makes a temporary one that goes away with the process object.</summary>
    public string? DataDirectory { get; init; }

    /// <summary>Port on 127.0.0.1; 0 lets the server choose.</summary>
    public int Port { get; init; }

    /// <summary>Further arguments of <c>longshore serve</c>.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Added to the environment; a null value removes the variable.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();

    /// <summary>Access key of the root principal of account 123456789012. These are AWS's documentation examples, secret to nobody.</summary>
    public string AccessKeyId { get; init; } = "AKIAIOSFODNN7EXAMPLE";

    public string SecretAccessKey { get; init; } = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    /// <summary>Bound on the way to a 200 from <c>/readyz</c>.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Bound on a clean stop; after it the process is killed and the stop throws.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(30);
}

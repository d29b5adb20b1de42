namespace Longshore.Server.Hosting;

/// <summary>
/// The server has no memory to spare for a request that it would otherwise take: broken infrastructure, like a full disk, and answered by the
/// last resort in the caller's protocol. Clients try again.
/// </summary>
internal sealed class TooManyRequestsException : Exception
{
    /// <summary>What clients are told, in ECR's words.</summary>
    public const string Sentence = "Rate exceeded";

    /// <summary>Creates it.</summary>
    public TooManyRequestsException()
        : base(Sentence)
    {
    }

    /// <summary>Creates it with other words.</summary>
    public TooManyRequestsException(string message)
        : base(message)
    {
    }

    /// <summary>Creates it with other words and a cause.</summary>
    public TooManyRequestsException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

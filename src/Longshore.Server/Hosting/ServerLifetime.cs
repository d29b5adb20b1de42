using System.Runtime.InteropServices;

namespace Longshore.Server.Hosting;

/// <summary>
/// How a server ends. SIGTERM: (1) it drains: <c>/readyz</c> says that it is not ready, answers ask for their connections to be closed, and everything is still
/// taken; (2) after the drain delay it stops accepting, and what runs may finish. A second signal, or SIGINT at any time, goes to the second step.
/// </summary>
internal sealed class ServerLifetime(ServeOptions options, IHostApplicationLifetime host, TimeProvider time, ILogger<ServerLifetime> logger) : IHostLifetime, IDisposable
{
    private readonly List<PosixSignalRegistration> signals = [];
    private readonly Lock gate = new();
    private ITimer? delay;
    private volatile bool draining;

    /// <summary>Whether the server is about to stop, or stops.</summary>
    public bool IsDraining => draining;

    /// <inheritdoc/>
    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => OnSignal(signal, atOnce: false)));
        signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => OnSignal(signal, atOnce: true)));
        signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGQUIT, signal => OnSignal(signal, atOnce: true)));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var signal in signals) signal.Dispose();
        delay?.Dispose();
    }

    /// <summary>The first step, and the second after the drain delay; at once when the first was taken already.</summary>
    internal void Drain(bool atOnce)
    {
        lock (gate)
        {
            if (!atOnce && !draining && options.DrainDelay > TimeSpan.Zero)
            {
                draining = true;
                logger.Draining(options.DrainDelay.TotalSeconds);
                delay = time.CreateTimer(_ => host.StopApplication(), null, options.DrainDelay, Timeout.InfiniteTimeSpan);
                return;
            }

            draining = true;
        }

        host.StopApplication();
    }

    private void OnSignal(PosixSignalContext signal, bool atOnce)
    {
        // The process ends when the host has stopped, not by the signal.
        signal.Cancel = true;
        Drain(atOnce);
    }
}

/// <summary>While a server drains, each answer asks for its connection to be closed, so that proxies that keep connections go elsewhere before it stops.</summary>
internal sealed class DrainMiddleware(RequestDelegate next, ServerLifetime lifetime)
{
    /// <summary>Runs the rest of the pipeline.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        if (lifetime.IsDraining && HttpProtocol.IsHttp11(context.Request.Protocol))
        {
            context.Response.OnStarting(
                static state =>
                {
                    ((HttpResponse)state).Headers.Connection = "close";
                    return Task.CompletedTask;
                },
                context.Response);
        }

        return next(context);
    }
}

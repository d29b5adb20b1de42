using System.Runtime.CompilerServices;
using Longshore.Server.Content;
using Longshore.Server.Hosting.Jobs;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Longshore.Server.Hosting.Telemetry;

/// <summary>Metrics for Prometheus on a listener of their own, and metrics and traces to an OpenTelemetry collector.</summary>
internal static class TelemetrySetup
{
    /// <summary>The path of the metrics.</summary>
    public const string Path = "/metrics";

    /// <summary>Adds what the options ask for; nothing is measured that nobody asked for.</summary>
    public static void AddTelemetry(this IServiceCollection services, ServeOptions options)
    {
        services.AddSingleton<ServerMetrics>();
        if (options.MetricsListen is not null) services.AddSingleton(new PrometheusMetrics(IsWanted)).AddSingleton<MetricsPort>();
        if (options.OtlpEndpoint is { } endpoint) services.AddSingleton<IHostedService>(_ => new OtlpExport(endpoint, options));
    }

    /// <summary>Maps <c>/metrics</c>; it answers on its own listener alone.</summary>
    public static void MapTelemetry(this IEndpointRouteBuilder routes)
    {
        if (routes.ServiceProvider.GetService<PrometheusMetrics>() is not { } metrics) return;
        // Instruments are there from the start, not from their first use: a rate needs a zero to begin with.
        foreach (var type in new[] { typeof(ContentMetrics), typeof(JobMetrics) }) RuntimeHelpers.RunClassConstructor(type.TypeHandle);
        _ = routes.ServiceProvider.GetRequiredService<ServerMetrics>();
        routes.MapGet(Path, context =>
        {
            context.Response.ContentType = PrometheusMetrics.MediaType;
            return context.Response.WriteAsync(metrics.Write(), context.RequestAborted);
        });
    }

    /// <summary>
    /// Keeps the two listeners apart: that of the metrics answers probes and metrics and nothing else, the others no metrics. Metrics tell nothing of any
    /// repository, but they are the operator's, and need no credentials.
    /// </summary>
    public static void UseMetricsListener(this IApplicationBuilder app)
    {
        app.Use(static (context, next) =>
        {
            var own = context.Connection.LocalPort == context.RequestServices.GetRequiredService<MetricsPort>().Number;
            var path = context.Request.Path;
            var probe = path.Equals("/healthz", StringComparison.Ordinal) || path.Equals("/readyz", StringComparison.Ordinal);
            // As routes compare: without case, and without a slash at the end.
            var metrics = path.Value is { } text && text.TrimEnd('/').Equals(Path, StringComparison.OrdinalIgnoreCase);
            if (own ? probe || metrics : !metrics) return next(context);
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        });
    }

    private static bool IsWanted(string meter) =>
        meter.StartsWith("Longshore.", StringComparison.Ordinal) || meter is "Microsoft.AspNetCore.Hosting" or "Microsoft.AspNetCore.Server.Kestrel" or "System.Runtime" or "Npgsql";

    /// <summary>Sends what OpenTelemetry's library collects, until the server stops.</summary>
    private sealed class OtlpExport(Uri endpoint, ServeOptions options) : IHostedService, IDisposable
    {
        private TracerProvider? traces;
        private MeterProvider? metrics;

        public Task StartAsync(CancellationToken cancellationToken)
        {
            var resource = ResourceBuilder.CreateEmpty().AddService("longshore", serviceInstanceId: Environment.MachineName)
                .AddAttributes([new("longshore.region", options.Region)]);
            traces = Sdk.CreateTracerProviderBuilder()
                .SetResourceBuilder(resource)
                .AddSource("Microsoft.AspNetCore", "Npgsql")
                .AddProcessor(new WithoutSecrets())
                .AddOtlpExporter(Configure)
                .Build();
            metrics = Sdk.CreateMeterProviderBuilder()
                .SetResourceBuilder(resource)
                .AddMeter("Longshore.*", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime", "Npgsql")
                .AddOtlpExporter(Configure)
                .Build();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken)
        {
            // Bounded: a collector that is away does not hold up the stop.
            traces?.Shutdown(2000);
            metrics?.Shutdown(2000);
            return Task.CompletedTask;
        }

        public void Dispose()
        {
            traces?.Dispose();
            metrics?.Dispose();
        }

        private void Configure(OtlpExporterOptions exporter)
        {
            exporter.Endpoint = endpoint;
            exporter.Protocol = endpoint.Port == 4317 ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
        }
    }

    /// <summary>Takes queries out of spans: that of a download URL is all that it takes to use it.</summary>
    private sealed class WithoutSecrets : BaseProcessor<System.Diagnostics.Activity>
    {
        public override void OnEnd(System.Diagnostics.Activity data)
        {
            data.SetTag("url.query", null);
            data.SetTag("url.full", null);
        }
    }
}

/// <summary>The port of the metrics' listener, known once it listens.</summary>
internal sealed class MetricsPort
{
    /// <summary>The port.</summary>
    public int Number { get; set; }
}

using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Longshore.Server.Hosting.Telemetry;

/// <summary>
/// Keeps what the instruments of this process measure, and writes it in Prometheus' text format (exposition format 0.0.4). Names are those of
/// the OpenTelemetry semantic conventions, put into Prometheus' spelling as OpenTelemetry's specification says: dots become underscores, the
/// unit follows, counters end in <c>_total</c>.
/// </summary>
internal sealed class PrometheusMetrics : IDisposable
{
    /// <summary>The media type of the text.</summary>
    public const string MediaType = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>Most series of one instrument; what comes after is counted together under <c>otel_metric_overflow</c>.</summary>
    public const int MaxSeries = 1000;

    private const string Overflow = "otel_metric_overflow=\"true\"";

    // OpenTelemetry's advice for durations in seconds.
    private static readonly double[] DefaultBounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

    private readonly MeterListener listener;
    private readonly ConcurrentDictionary<Instrument, Family> families = new();
    private readonly Lock collecting = new();

    /// <summary>Listens from now on.</summary>
    /// <param name="wanted">Whether the instruments of a meter are kept, by its name.</param>
    public PrometheusMetrics(Func<string, bool> wanted)
    {
        listener = new MeterListener
        {
            InstrumentPublished = (instrument, to) =>
            {
                if (wanted(instrument.Meter.Name)) to.EnableMeasurementEvents(instrument, families.GetOrAdd(instrument, static i => new Family(i)));
            },
        };
        listener.SetMeasurementEventCallback<long>(static (_, value, tags, state) => ((Family)state!).Record(value, tags));
        listener.SetMeasurementEventCallback<int>(static (_, value, tags, state) => ((Family)state!).Record(value, tags));
        listener.SetMeasurementEventCallback<double>(static (_, value, tags, state) => ((Family)state!).Record(value, tags));
        listener.SetMeasurementEventCallback<float>(static (_, value, tags, state) => ((Family)state!).Record(value, tags));
        listener.SetMeasurementEventCallback<short>(static (_, value, tags, state) => ((Family)state!).Record(value, tags));
        listener.SetMeasurementEventCallback<byte>(static (_, value, tags, state) => ((Family)state!).Record(value, tags));
        listener.Start();
    }

    /// <summary>All of it as text.</summary>
    public string Write()
    {
        var text = new StringBuilder(16 * 1024);
        lock (collecting)
        {
            foreach (var family in families.Values) family.BeginObservation();
            listener.RecordObservableInstruments();
            // Two meters may have an instrument of one name: one family in Prometheus.
            foreach (var group in families.Values.GroupBy(static f => f.Name, StringComparer.Ordinal).OrderBy(static g => g.Key, StringComparer.Ordinal))
            {
                var first = group.First();
                text.Append("# HELP ").Append(first.Name).Append(' ').Append(first.Help).Append('\n');
                text.Append("# TYPE ").Append(first.Name).Append(' ').Append(first.Type).Append('\n');
                foreach (var family in group) family.Write(text);
            }
        }

        return text.ToString();
    }

    /// <inheritdoc/>
    public void Dispose() => listener.Dispose();

    private enum Kind
    {
        Counter,
        Gauge,
        Histogram,
    }

    /// <summary>One instrument with its series.</summary>
    private sealed class Family
    {
        private readonly ConcurrentDictionary<string, Series> series = new(StringComparer.Ordinal);
        private readonly Kind kind;
        private readonly bool observed;
        private readonly bool added;
        private readonly double[] bounds;

        public Family(Instrument instrument)
        {
            var type = instrument.GetType().Name;
            observed = instrument.IsObservable;
            kind = type.StartsWith("Histogram", StringComparison.Ordinal) ? Kind.Histogram
                : type.StartsWith("Counter", StringComparison.Ordinal) || type.StartsWith("ObservableCounter", StringComparison.Ordinal) ? Kind.Counter : Kind.Gauge;
            added = !observed && !type.StartsWith("Gauge", StringComparison.Ordinal);
            bounds = (instrument as Histogram<double>)?.Advice?.HistogramBucketBoundaries?.ToArray() ?? DefaultBounds;
            Name = NameOf(instrument.Name, instrument.Unit, kind);
            Help = (instrument.Description ?? instrument.Name).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", " ", StringComparison.Ordinal);
        }

        public string Name { get; }

        public string Help { get; }

        public string Type => kind switch { Kind.Counter => "counter", Kind.Histogram => "histogram", _ => "gauge" };

        public void BeginObservation()
        {
            // What is not observed any more is gone.
            if (observed) series.Clear();
        }

        public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var key = Labels(tags);
            if (!series.TryGetValue(key, out var one))
            {
                if (series.Count >= MaxSeries) key = Overflow;
                one = series.GetOrAdd(key, static (_, bounds) => new Series(bounds), kind == Kind.Histogram ? bounds : []);
            }

            one.Record(value, kind == Kind.Histogram, observed ? key == Overflow : added);
        }

        public void Write(StringBuilder text)
        {
            foreach (var (labels, one) in series.OrderBy(static s => s.Key, StringComparer.Ordinal)) one.Write(text, Name, labels, kind == Kind.Histogram ? bounds : null);
        }

        private static string NameOf(string name, string? unit, Kind kind)
        {
            var text = new StringBuilder(name.Length + 16);
            foreach (var c in name) text.Append(char.IsAsciiLetterOrDigit(c) || c == ':' ? c : '_');
            var suffix = unit switch
            {
                "s" => "_seconds",
                "ms" => "_milliseconds",
                "By" => "_bytes",
                "1" or null or "" => "",
                _ when unit.StartsWith('{') => "",
                _ => "_" + new string([.. unit.Where(char.IsAsciiLetterOrDigit)]),
            };
            if (suffix.Length > 0 && !text.ToString().EndsWith(suffix, StringComparison.Ordinal)) text.Append(suffix);
            if (kind == Kind.Counter && !text.ToString().EndsWith("_total", StringComparison.Ordinal)) text.Append("_total");
            return text.ToString();
        }

        private static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            if (tags.Length == 0) return "";
            var sorted = tags.ToArray();
            Array.Sort(sorted, static (a, b) => string.CompareOrdinal(a.Key, b.Key));
            var text = new StringBuilder(64);
            foreach (var (name, value) in sorted)
            {
                if (text.Length > 0) text.Append(',');
                foreach (var c in name) text.Append(char.IsAsciiLetterOrDigit(c) ? c : '_');
                text.Append("=\"");
                foreach (var c in Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")
                {
                    if (c == '\n') text.Append("\\n");
                    else if (c is '"' or '\\') text.Append('\\').Append(c);
                    else text.Append(c);
                }

                text.Append('"');
            }

            return text.ToString();
        }
    }

    /// <summary>One combination of labels.</summary>
    private sealed class Series(double[] bounds)
    {
        private readonly long[] buckets = new long[bounds.Length + 1];
        private readonly Lock gate = new();
        private double sum;
        private long count;

        public void Record(double value, bool histogram, bool add)
        {
            lock (gate)
            {
                if (!histogram)
                {
                    sum = add ? sum + value : value;
                    return;
                }

                var at = Array.BinarySearch(bounds, value);
                buckets[at < 0 ? ~at : at]++;
                sum += value;
                count++;
            }
        }

        public void Write(StringBuilder text, string name, string labels, double[]? histogram)
        {
            lock (gate)
            {
                if (histogram is null)
                {
                    Line(text, name, labels, sum);
                    return;
                }

                var separator = labels.Length == 0 ? "" : ",";
                long below = 0;
                for (var i = 0; i < buckets.Length; i++)
                {
                    below += buckets[i];
                    var bound = i < histogram.Length ? histogram[i].ToString(CultureInfo.InvariantCulture) : "+Inf";
                    Line(text, name + "_bucket", $"{labels}{separator}le=\"{bound}\"", below);
                }

                Line(text, name + "_sum", labels, sum);
                Line(text, name + "_count", labels, count);
            }
        }

        private static void Line(StringBuilder text, string name, string labels, double value)
        {
            text.Append(name);
            if (labels.Length > 0) text.Append('{').Append(labels).Append('}');
            text.Append(' ').Append(value.ToString(CultureInfo.InvariantCulture)).Append('\n');
        }
    }
}

using System.Diagnostics.Metrics;
using Longshore.Server.Hosting;
using Longshore.Storage.Metadata;
using Microsoft.Extensions.Logging;

namespace Longshore.Server.Tests.Hosting;

/// <summary>Clocks that differ are told once, and measured.</summary>
public sealed class DatabaseClockTests : ILogger<DatabaseClock>
{
    private readonly List<string> told = [];

    [Fact]
    public async Task A_difference_is_told_once_and_so_is_its_end()
    {
        var database = new ShiftedClock();
        using var clock = new DatabaseClock(database, TimeProvider.System, this);
        foreach (var (theirs, count, part) in ((double, int, string)[])
            [(0, 0, ""), (-90, 1, "90 s ahead of the database's"), (-91, 1, ""), (0.2, 2, "agree again"), (5, 3, "5 s behind the database's"), (4, 3, ""), (0, 4, "agree")])
        {
            database.Shift = TimeSpan.FromSeconds(theirs);
            await clock.CompareAsync(TestContext.Current.CancellationToken);
            Assert.Equal(count, told.Count);
            Assert.Contains(part, told.LastOrDefault() ?? "", StringComparison.Ordinal);
            Assert.InRange(Measured(), -theirs - 0.5, -theirs + 0.5);
        }
    }

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;

    bool ILogger.IsEnabled(LogLevel logLevel) => true;

    void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => told.Add(formatter(state, exception));

    private static double Measured()
    {
        var found = double.NaN;
        using var listener = new MeterListener { InstrumentPublished = static (instrument, to) => { if (instrument.Name == "longshore.clock.difference") to.EnableMeasurementEvents(instrument); } };
        listener.SetMeasurementEventCallback<double>((_, value, _, _) => found = value);
        listener.Start();
        listener.RecordObservableInstruments();
        return found;
    }

    private sealed class ShiftedClock : IDatabase
    {
        public TimeSpan Shift { get; set; }

        public ValueTask<DateTimeOffset?> ReadClockAsync(CancellationToken cancellationToken) => ValueTask.FromResult<DateTimeOffset?>(TimeProvider.System.GetUtcNow() + Shift);

        public ValueTask<T> ReadAsync<T>(Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<T> ReadSnapshotAsync<T>(Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<T> WriteAsync<T>(Durability durability, Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<IReadOnlyList<string>> CheckStructureAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

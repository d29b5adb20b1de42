using Longshore.Storage.Metadata;

namespace Longshore.Server.Tests.Content;

/// <summary>A database that lets a test do something just before the next write: between a look and the commit that follows it.</summary>
internal sealed class HookedDatabase(IDatabase inner) : IDatabase
{
    private Func<Task>? beforeWrite;

    public bool IsShared => Shared || inner.IsShared;

    /// <summary>Whether it passes for one that several servers share, also when it is embedded.</summary>
    public bool Shared { get; set; }

    /// <summary>Does this before each write.</summary>
    public Action? BeforeEachWrite { get; set; }

    /// <summary>Does this once, before the next write.</summary>
    public void BeforeNextWrite(Func<Task> work) => beforeWrite = work;

    public ValueTask<T> ReadAsync<T>(Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken) => inner.ReadAsync(work, cancellationToken);

    public ValueTask<T> ReadSnapshotAsync<T>(Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken) => inner.ReadSnapshotAsync(work, cancellationToken);

    public async ValueTask<T> WriteAsync<T>(Durability durability, Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken)
    {
        BeforeEachWrite?.Invoke();
        if (Interlocked.Exchange(ref beforeWrite, null) is { } before) await before();
        return await inner.WriteAsync(durability, work, cancellationToken);
    }

    public async ValueTask<T> WriteBesideAsync<T>(Durability durability, Func<DbSession, ValueTask<T>> work, CancellationToken cancellationToken)
    {
        BeforeEachWrite?.Invoke();
        if (Interlocked.Exchange(ref beforeWrite, null) is { } before) await before();
        return await inner.WriteBesideAsync(durability, work, cancellationToken);
    }

    public ValueTask CheckAnswersAsync(CancellationToken cancellationToken) => inner.CheckAnswersAsync(cancellationToken);

    public ValueTask<IReadOnlyList<string>> CheckStructureAsync(CancellationToken cancellationToken) => inner.CheckStructureAsync(cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}

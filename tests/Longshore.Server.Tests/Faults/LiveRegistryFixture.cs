namespace Longshore.Server.Tests.Faults;

/// <summary>One server for all tests of a class.</summary>
public sealed class LiveRegistryFixture : IAsyncLifetime
{
    internal LiveRegistry Registry { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Registry = await LiveRegistry.StartAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync() => await Registry.DisposeAsync();
}

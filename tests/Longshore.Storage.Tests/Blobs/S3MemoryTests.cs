using System.Buffers;
using Longshore.Storage.Blobs;
using Longshore.TestSupport.S3;

namespace Longshore.Storage.Tests.Blobs;

/// <summary>What uploads to a bucket hold in memory. Alone: it counts the buffers of the whole process.</summary>
[Collection(nameof(S3MemoryTests))]
[CollectionDefinition(nameof(S3MemoryTests), DisableParallelization = true)]
public sealed class S3MemoryTests
{
    [Fact]
    public async Task An_upload_in_flight_holds_at_most_32_MiB()
    {
        var token = TestContext.Current.CancellationToken;
        var gateway = await S3Gateway.GetAsync();
        await using var proxy = new FaultProxy(gateway.Endpoint) { Delay = TimeSpan.FromMilliseconds(200) };
        var options = S3BlobOptions.TryParse(gateway.NewUrl(proxy.Address), out var problem) ?? throw new InvalidOperationException(problem);
        using var store = new S3BlobStore(options, (S3Gateway.AccessKeyId, S3Gateway.SecretAccessKey, null), TimeProvider.System);
        var before = S3PartBuffer.TotalInUse;
        var chunk = new byte[1 << 20];
        var most = 0L;
        await using var writer = await store.OpenUploadAsync("a", 0, null, token);
        for (var i = 0; i < 100; i++)
        {
            await writer.WriteAsync(new ReadOnlySequence<byte>(chunk), token);
            most = Math.Max(most, S3PartBuffer.TotalInUse - before);
        }

        await writer.CompleteAsync(token);
        Assert.InRange(most, S3PartBuffer.Capacity, 32 << 20);
    }
}

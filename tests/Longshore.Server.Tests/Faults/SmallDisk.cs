using System.Globalization;
using Longshore.TestSupport.Processes;

namespace Longshore.Server.Tests.Faults;

/// <summary>A file system of a few MiB in memory, mounted below the temporary directory; needs root.</summary>
internal sealed class SmallDisk : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new("disk");

    public string Path => _directory.Path;

    /// <summary>Bytes that are left.</summary>
    public long FreeSpace => new DriveInfo(Path).AvailableFreeSpace;

    private string Filler => System.IO.Path.Combine(Path, "filler");

    /// <summary>Mounts one, or skips the test where that is not allowed.</summary>
    public static async Task<SmallDisk> MountAsync(int mebibytes, CancellationToken cancellationToken)
    {
        var disk = new SmallDisk();
        if (!Requires.HasTool("mount")) Assert.Skip("needs the program 'mount'");
        var size = string.Create(CultureInfo.InvariantCulture, $"size={mebibytes}m,mode=0700");
        var mounted = await CommandRunner.TryRunAsync("mount", ["-t", "tmpfs", "-o", size, "longshore-test", disk.Path], cancellationToken);
        if (mounted.ExitCode == 0) return disk;
        disk._directory.Dispose();
        Assert.Skip("needs the right to mount: " + mounted.StandardError.Trim());
        return disk;
    }

    /// <summary>Takes all the room that is left but for <paramref name="spare"/> bytes.</summary>
    public void Fill(long spare = 0)
    {
        using var file = new FileStream(Filler, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        var block = new byte[64 * 1024];
        try
        {
            while (true)
            {
                var free = new DriveInfo(Path).AvailableFreeSpace - spare;
                if (free <= 0) return;
                file.Write(block.AsSpan(0, (int)Math.Min(free, block.Length)));
            }
        }
        catch (IOException)
        {
            // Full, which was wanted.
        }
    }

    /// <summary>Gives the room back that <see cref="Fill"/> took.</summary>
    public void Free() => File.Delete(Filler);

    public async ValueTask DisposeAsync()
    {
        await CommandRunner.TryRunAsync("umount", [Path], CancellationToken.None);
        _directory.Dispose();
    }
}

namespace Longshore.Storage.Objects;

/// <summary>Objects as files below a directory.</summary>
public sealed class DirectorySink(string directory) : IObjectSink
{
    /// <inheritdoc/>
    public async Task PutAsync(string name, byte[] content, string contentType, string? contentEncoding, CancellationToken cancellationToken)
    {
        var path = Path.Combine(directory, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var temporary = path + ".tmp";
        await File.WriteAllBytesAsync(temporary, content, cancellationToken);
        File.Move(temporary, path, overwrite: true);
    }
}

namespace Longshore.Storage.Objects;

/// <summary>Where finished files are put for others to read: a directory or a bucket. An object is there whole or not at all.</summary>
public interface IObjectSink
{
    /// <summary>Puts an object, in place of one of that name.</summary>
    /// <param name="name">Its name, with slashes; never beginning with one.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="contentType">Their media type.</param>
    /// <param name="contentEncoding">Their encoding, or null.</param>
    /// <param name="cancellationToken">Ends it; the object is then not there.</param>
    /// <exception cref="IOException">It could not be put.</exception>
    Task PutAsync(string name, byte[] content, string contentType, string? contentEncoding, CancellationToken cancellationToken);
}

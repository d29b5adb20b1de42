namespace Longshore.Server.Hosting;

/// <summary>
/// What sets a server apart from others on the same database: the file <c>server-id</c> in its data directory, made once. What is about the files
/// of that directory alone, such as the end of its trail, is kept under this name.
/// </summary>
internal static class ServerIdentity
{
    private const string FileName = "server-id";

    /// <summary>The id of a data directory, which gets one when it has none: 32 hexadecimal digits.</summary>
    public static string Ensure(string dataDirectory)
    {
        if (Find(dataDirectory) is { } known) return known;
        var made = Guid.NewGuid().ToString("N");
        Directory.CreateDirectory(dataDirectory);
        File.WriteAllText(Path.Combine(dataDirectory, FileName), made + "\n");
        return made;
    }

    /// <summary>The id, or null when no server on a shared database was ever started on the directory.</summary>
    public static string? Find(string dataDirectory)
    {
        var path = Path.Combine(dataDirectory, FileName);
        return File.Exists(path) && File.ReadAllText(path).Trim() is { Length: 32 } id ? id : null;
    }
}

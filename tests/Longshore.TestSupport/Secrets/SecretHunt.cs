using System.Text;

namespace Longshore.TestSupport.Secrets;

/// <summary>
/// Looks for secrets in everything that a run wrote: as they are, in base64 at any alignment, in hexadecimal, escaped for URLs and for JSON.
/// Not for concurrent use while secrets are added.
/// </summary>
public sealed class SecretHunt
{
    private readonly List<(string Name, byte[] Form)> _forms = [];

    /// <summary>Adds a secret.</summary>
    /// <param name="name">What it is, for messages, which never show it.</param>
    /// <param name="secret">At least 16 characters: shorter texts occur by chance.</param>
    public void Add(string name, string secret)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(secret.Length, 16);
        var bytes = Encoding.UTF8.GetBytes(secret);
        var forms = new HashSet<string>(StringComparer.Ordinal)
        {
            secret, Uri.EscapeDataString(secret), secret.Replace("/", "\\/", StringComparison.Ordinal), secret.Replace("+", "\\u002B", StringComparison.Ordinal),
            Convert.ToHexString(bytes), Convert.ToHexStringLower(bytes),
        };
        // In base64 with anything before it ("AWS:…"): the characters that depend on the secret alone.
        for (var before = 0; before < 3; before++)
        {
            var padded = Convert.ToBase64String([.. new byte[before], .. bytes]);
            var first = before == 0 ? 0 : before + 1;
            var last = padded.TrimEnd('=').Length - 1;
            forms.Add(padded[first..last]);
            forms.Add(padded[first..last].Replace('+', '-').Replace('/', '_'));
        }

        // Half of a token is too much too: what a log cuts off is still a lead.
        if (secret.Length >= 80) forms.Add(secret[..40]);
        foreach (var form in forms) _forms.Add((name, Encoding.UTF8.GetBytes(form)));
    }

    /// <summary>Names of the secrets that a text holds.</summary>
    public IReadOnlyList<string> FindIn(string text) => FindIn(Encoding.UTF8.GetBytes(text));

    /// <summary>Names of the secrets that some bytes hold.</summary>
    public IReadOnlyList<string> FindIn(ReadOnlySpan<byte> bytes)
    {
        var found = new List<string>();
        foreach (var (name, form) in _forms)
            if (!found.Contains(name) && bytes.IndexOf(form) >= 0) found.Add(name);
        return found;
    }

    /// <summary>What files below a directory hold, as <c>FILE: SECRET</c>.</summary>
    /// <param name="except">Files that are there to hold secrets, by name.</param>
    public IReadOnlyList<string> FindBelow(string directory, params string[] except) =>
    [
        .. from file in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories)
           where !except.Contains(Path.GetFileName(file))
           from name in FindIn(File.ReadAllBytes(file))
           select $"{file}: {name}",
    ];
}

using System.Globalization;

namespace Longshore.Core.Lifecycle;

/// <summary>What a protection is about.</summary>
public enum ProtectionKind
{
    /// <summary>All images of the repositories that it names.</summary>
    Repository,

    /// <summary>The image with one digest.</summary>
    Digest,

    /// <summary>The images whose tags match a pattern, for as long as they have such a tag.</summary>
    Tag,
}

/// <summary>Keeps images from being removed by anything but force.</summary>
/// <param name="Id">Its id, unique in its registry.</param>
/// <param name="Kind">What it is about.</param>
/// <param name="Repository">The repository, or a pattern with <c>*</c>.</param>
/// <param name="Target">The digest or the tag pattern (with <c>*</c>); empty for whole repositories.</param>
/// <param name="Owner">Who wants it.</param>
/// <param name="Reason">Why.</param>
/// <param name="Until">When it ends; null when it does not.</param>
public sealed record ImageProtection(string Id, ProtectionKind Kind, string Repository, string Target, string Owner, string Reason, DateTimeOffset? Until)
{
    /// <summary>Whether it still counts.</summary>
    public bool IsActive(DateTimeOffset now) => Until is null || now < Until;

    /// <summary>Whether it outlasts another one; of two that last as long, the id decides.</summary>
    public bool Outlasts(ImageProtection other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (Until == other.Until) return string.CompareOrdinal(Id, other.Id) < 0;
        return Until is null || (other.Until is { } end && Until > end);
    }

    /// <summary>What is said of it beside an image: who, until when, why.</summary>
    public string Describe() => $"protected by {Owner} ({Id}) {(Until is { } end ? $"until {Moment(end)}" : "without end")}: {Reason}";

    internal static string Moment(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}

namespace Longshore.Core.Lifecycle;

/// <summary>An entry of tagPrefixList or tagPatternList: what a tag must look like. Case counts.</summary>
public sealed class TagCriterion
{
    // The literal text before the first star and after the last one decides nearly every tag without walking the pattern.
    private readonly string head;
    private readonly string tail;
    private readonly bool isSimple;

    private TagCriterion(string text, bool isPrefix)
    {
        (Text, IsPrefix) = (text, isPrefix);
        var first = text.IndexOf('*', StringComparison.Ordinal);
        if (isPrefix)
        {
            (head, tail, isSimple) = (text, "", true);
        }
        else if (first < 0)
        {
            (head, tail, IsExact) = (text, "", true);
        }
        else
        {
            var last = text.LastIndexOf('*');
            (head, tail, isSimple) = (text[..first], text[(last + 1)..], first == last);
        }
    }

    /// <summary>The entry as written.</summary>
    public string Text { get; }

    /// <summary>Whether it is a prefix: the tag starts with it. Else a pattern for the whole tag.</summary>
    public bool IsPrefix { get; }

    /// <summary>Whether it is met by one tag only.</summary>
    public bool IsExact { get; }

    /// <summary>The text that every tag which meets it begins with.</summary>
    public string LiteralStart => head;

    /// <summary>An entry of tagPrefixList.</summary>
    public static TagCriterion Prefix(string text) => new(text, true);

    /// <summary>An entry of tagPatternList.</summary>
    public static TagCriterion Pattern(string text) => new(text, false);

    /// <summary>Whether a tag meets it.</summary>
    public bool IsMetBy(string tag)
    {
        if (IsExact) return string.Equals(tag, Text, StringComparison.Ordinal);
        return tag.Length >= head.Length + tail.Length
            && tag.StartsWith(head, StringComparison.Ordinal)
            && tag.EndsWith(tail, StringComparison.Ordinal)
            && (isSimple || Wildcard.Matches(Text, tag));
    }

    /// <inheritdoc/>
    public override string ToString() => IsPrefix ? Text + "*" : Text;
}

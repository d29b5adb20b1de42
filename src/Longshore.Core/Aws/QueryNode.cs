using System.Globalization;

namespace Longshore.Core.Aws;

/// <summary>A structure or list item inside a <see cref="QueryForm"/>, as the generated readers see it.</summary>
public sealed class QueryNode
{
    private readonly string _path;
    private readonly Dictionary<string, QueryForm.Entry> _members;
    private readonly List<string> _faults;

    internal QueryNode(string path, string? value, Dictionary<string, QueryForm.Entry> members, List<string> faults)
    {
        _path = path;
        Value = value;
        _members = members;
        _faults = faults;
    }

    /// <summary>The node's own text, for lists of strings. A list item without text is empty.</summary>
    public string Value => field ?? "";

    /// <summary>A string, or null when absent.</summary>
    public string? Text(string name) => _members.GetValueOrDefault(name)?.Value;

    /// <summary>An integer, or null when absent; anything but an optional sign and ASCII digits within 32 bits is a fault.</summary>
    public int? Number(string name)
    {
        if (Text(name) is not { } text) return null;
        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)) return value;
        _faults.Add($"The value of '{_path}{name}' is not an integer.");
        return null;
    }

    /// <summary>A truth value, or null when absent; anything but <c>true</c> and <c>false</c> (in any case) is a fault.</summary>
    public bool? Flag(string name)
    {
        if (Text(name) is not { } text) return null;
        if (bool.TryParse(text, out var value)) return value;
        _faults.Add($"The value of '{_path}{name}' is neither true nor false.");
        return null;
    }

    /// <summary>A structure, or null when no member of it is given.</summary>
    public T? Structure<T>(string name, Func<QueryNode, T> read)
        where T : class =>
        _members.GetValueOrDefault(name) is { } entry ? read(Child(name, entry)) : null;

    /// <summary>
    /// A list (<c>Name.member.1</c>, <c>Name.member.2</c>, …), or null when absent; <c>Name=</c> is an empty list.
    /// Items not counted from 1 without gaps are a fault: skipping one in silence could drop a restriction of a session.
    /// </summary>
    public IReadOnlyList<T>? List<T>(string name, Func<QueryNode, T> read)
    {
        if (_members.GetValueOrDefault(name) is not { } list) return null;
        var members = list.Children.GetValueOrDefault("member");
        var count = members?.Children.Count ?? 0;
        var wellFormed = members is null
            ? list is { Value: "", Children.Count: 0 }
            : list is { Value: null or "", Children.Count: 1 } && members.Value is null && count > 0;
        var items = new List<T>(count);
        for (var i = 1; wellFormed && i <= count; i++)
        {
            var index = i.ToString(CultureInfo.InvariantCulture);
            if (members!.Children.TryGetValue(index, out var item)) items.Add(read(Child($"{name}.member.{index}", item)));
            else wellFormed = false;
        }

        if (!wellFormed) _faults.Add($"The list '{_path}{name}' is malformed: its items are '{_path}{name}.member.1' and so on.");
        return wellFormed ? items : null;
    }

    private QueryNode Child(string name, QueryForm.Entry entry) => new($"{_path}{name}.", entry.Value, entry.Children, _faults);
}

namespace Longshore.WireGenerator;

/// <summary>One service model: what <c>metadata</c>, <c>operations</c> and <c>shapes</c> of its file say.</summary>
internal sealed record Model(
    string Protocol,
    string? TargetPrefix,
    string? XmlNamespace,
    string ApiVersion,
    IReadOnlyList<ModelOperation> Operations,
    IReadOnlyDictionary<string, ModelShape> Shapes)
{
    /// <summary>The shape of that name and every shape its members, items, keys and values lead to.</summary>
    public IReadOnlySet<string> Reachable(string shape)
    {
        var seen = new SortedSet<string>(StringComparer.Ordinal);
        Visit(shape);
        return seen;

        void Visit(string name)
        {
            if (!seen.Add(name)) return;
            foreach (var next in Shapes[name].References) Visit(next);
        }
    }
}

/// <summary>One operation. <paramref name="ResultWrapper"/> is the query protocol's element around the output.</summary>
internal sealed record ModelOperation(
    string Name, string Input, string Output, string? ResultWrapper, bool Anonymous, IReadOnlyList<string> Errors);

/// <summary>One member of a structure, in the model's order.</summary>
internal sealed record ModelMember(string WireName, string Shape, bool Required, bool Deprecated);

/// <summary>One shape with its constraint traits. Lists use <see cref="Item"/>; maps <see cref="Key"/> and <see cref="Item"/>.</summary>
internal sealed record ModelShape
{
    public required string Name { get; init; }
    public required string Type { get; init; }
    public IReadOnlyList<ModelMember> Members { get; init; } = [];
    public string? Key { get; init; }
    public string? Item { get; init; }
    public long? Min { get; init; }
    public long? Max { get; init; }
    public string? Pattern { get; init; }
    public IReadOnlyList<string>? Enum { get; init; }
    public bool Sensitive { get; init; }
    public bool IsException { get; init; }
    public bool IsFault { get; init; }
    public string? ErrorCode { get; init; }
    public int? ErrorStatus { get; init; }

    /// <summary>The shapes this one names directly.</summary>
    public IEnumerable<string> References =>
        Members.Select(member => member.Shape).Concat(new[] { Key, Item }.OfType<string>());

    /// <summary>Whether the shape itself, apart from what it refers to, restricts its values.</summary>
    public bool IsConstrained =>
        Min is not null || Max is not null || Pattern is not null || Enum is not null || Members.Any(member => member.Required);
}

using System.Globalization;

namespace Longshore.WireGenerator;

/// <summary>Writes one record per structure and one class of constants per enum.</summary>
internal static class ShapesEmitter
{
    public static string Requests(TypeMap map) => Structures(map, IsRequest);

    public static string Responses(TypeMap map) => Structures(map, IsResponse);

    public static string Shared(TypeMap map) => Structures(map, (types, shape) => !IsRequest(types, shape) && !IsResponse(types, shape));

    public static string Enums(TypeMap map)
    {
        var code = new CodeWriter(map.Service);
        foreach (var shape in map.Model.Shapes.Values.Where(shape => shape.Enum is not null).OrderBy(shape => shape.Name, StringComparer.Ordinal))
        {
            code.Line();
            code.Line($"/// <summary>Values of the API enum <c>{shape.Name}</c>.</summary>");
            code.Open($"public static class {Naming.EnumClass(shape.Name)}");
            foreach (var value in shape.Enum!)
                code.Line($"public const string {Naming.Constant(value)} = {Naming.Literal(value)};");
            code.Line();
            code.Line("/// <summary>Every value, in the model's order.</summary>");
            code.Line($"public static IReadOnlyList<string> All {{ get; }} = [{string.Join(", ", shape.Enum.Select(Naming.Constant))}];");
            code.Close();
        }

        return code.ToString();
    }

    /// <summary>A record's properties, with their wire names.</summary>
    public static void Members(CodeWriter code, TypeMap map, ModelShape structure, IEnumerable<ModelMember> members)
    {
        var taken = new HashSet<string>(StringComparer.Ordinal);
        var first = true;
        foreach (var member in members)
        {
            var name = Naming.Property(structure.Name, member.WireName);
            if (!taken.Add(name)) throw new InvalidDataException($"Two members of '{structure.Name}' would be called '{name}'.");
            if (!first) code.Line();
            first = false;
            var summary = Summary(map, structure, member);
            if (summary.Length > 0) code.Line($"/// <summary>{summary}</summary>");
            if (map.Model.Protocol == "json") code.Line($"[JsonPropertyName({Naming.Literal(member.WireName)})]");
            code.Line($"public {map.Type(member.Shape)}? {name} {{ get; init; }}");
        }
    }

    private static bool IsRequest(TypeMap map, ModelShape shape) => map.Model.Operations.Any(operation => operation.Input == shape.Name);

    private static bool IsResponse(TypeMap map, ModelShape shape) => map.Model.Operations.Any(operation => operation.Output == shape.Name);

    private static string Structures(TypeMap map, Func<TypeMap, ModelShape, bool> choose)
    {
        var code = map.Model.Protocol == "json"
            ? new CodeWriter(map.Service, "System.Text.Json.Serialization")
            : new CodeWriter(map.Service);
        foreach (var shape in map.Structures.Where(shape => choose(map, shape)))
        {
            code.Line();
            code.Line($"/// <summary>API shape <c>{shape.Name}</c>.</summary>");
            var secret = shape.Members.Any(member => map.IsSecret(shape, member));
            if (shape.Members.Count == 0)
            {
                code.Line($"public sealed record {Naming.Class(shape.Name)};");
                continue;
            }

            code.Open($"public sealed record {Naming.Class(shape.Name)}");
            Members(code, map, shape, shape.Members);
            if (secret)
            {
                code.Line();
                code.Line("/// <summary>The name alone: a member is secret and must not reach a log.</summary>");
                code.Line($"public override string ToString() => nameof({Naming.Class(shape.Name)});");
            }

            code.Close();
        }

        return code.ToString();
    }

    /// <summary>What a caller has to know of a member: required, its bounds, its enum.</summary>
    private static string Summary(TypeMap map, ModelShape structure, ModelMember member)
    {
        var shape = map.Shape(member.Shape);
        var facts = new List<string>();
        if (member.Required) facts.Add("Required");
        var unit = shape.Type switch { "string" => " characters", "list" or "map" => " items", "blob" => " bytes", _ => "" };
        var bounds = (shape.Min, shape.Max) switch
        {
            ({ } min, { } max) => $"{Number(min)} to {Number(max)}{unit}",
            ({ } min, null) => $"at least {Number(min)}{unit}",
            (null, { } max) => $"at most {Number(max)}{unit}",
            _ => null,
        };
        if (bounds is not null) facts.Add(bounds);
        if (shape.Pattern is not null) facts.Add($"pattern <c>{shape.Name}</c>");
        if (shape.Enum is not null) facts.Add($"one of <see cref=\"{Naming.EnumClass(shape.Name)}\"/>");
        if (map.IsSecret(structure, member)) facts.Add("secret");
        if (member.Deprecated) facts.Add("deprecated by AWS");
        return facts.Count == 0 ? "" : Naming.Pascal(string.Join(", ", facts)) + ".";
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}

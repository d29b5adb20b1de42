using System.Globalization;

namespace Longshore.WireGenerator;

/// <summary>Writes the patterns of a service and one check per structure, list, map and restricted scalar an input can hold.</summary>
internal static class ConstraintsEmitter
{
    public static string Patterns(TypeMap map)
    {
        var code = new CodeWriter(map.Service);
        code.Line();
        code.Line("/// <summary>Patterns of the service's strings: the model's text, and what we match with.</summary>");
        code.Open($"internal static class {map.Service.Prefix}Patterns");
        var first = true;
        foreach (var shape in Inputs(map).Where(shape => shape.Pattern is not null))
        {
            if (!first) code.Line();
            first = false;
            var categories = PatternTranslator.UsesCategories(shape.Pattern!) ? ", usesCategories: true" : "";
            code.Line($"public static WirePattern {Naming.Pascal(shape.Name)} {{ get; }} = new(");
            code.Continued($"{Naming.Verbatim(shape.Pattern!)},");
            code.Continued($"{Naming.Verbatim(PatternTranslator.Translate(shape.Pattern!))}{categories});");
        }

        code.Close();
        return code.ToString();
    }

    public static string Constraints(TypeMap map)
    {
        var code = new CodeWriter(map.Service);
        code.Line();
        code.Line("/// <summary>What the model demands of every input. <c>Validate</c> returns all violations, in the model's member order.</summary>");
        code.Open($"public static class {map.Service.Prefix}Constraints");
        foreach (var operation in map.Model.Operations)
        {
            var type = Naming.Class(operation.Input);
            var rule = HasRule(map, operation.Input) ? $"ConstraintChecker.Run(input, Check{Naming.Pascal(operation.Input)})" : "[]";
            code.Line($"public static IReadOnlyList<ConstraintViolation> Validate({type} input) => {rule};");
        }

        foreach (var shape in Inputs(map).Where(shape => HasRule(map, shape.Name)))
        {
            code.Line();
            if (shape.Type == "structure") Structure(code, map, shape);
            else Value(code, map, shape);
        }

        code.Close();
        return code.ToString();
    }

    private static IEnumerable<ModelShape> Inputs(TypeMap map) =>
        map.Model.Operations
            .SelectMany(operation => map.Model.Reachable(operation.Input))
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal)
            .Select(map.Shape);

    /// <summary>Lists and maps always have one: JSON lets a null in where the model allows none.</summary>
    private static bool HasRule(TypeMap map, string shape) =>
        map.Model.Reachable(shape).Any(name => map.Shape(name).IsConstrained || map.Shape(name).Type is "list" or "map");

    private static void Structure(CodeWriter code, TypeMap map, ModelShape shape)
    {
        code.Open($"private static void Check{Naming.Pascal(shape.Name)}(ConstraintChecker check, {Naming.Class(shape.Name)} value)");
        foreach (var member in shape.Members)
        {
            var name = Naming.Literal(member.WireName);
            var property = $"value.{Naming.Property(shape.Name, member.WireName)}";
            if (member.Required) code.Line($"check.Required({name}, {property});");
            if (!HasRule(map, member.Shape)) continue;
            var method = map.IsValueType(member.Shape) ? "Number" : map.IsSecret(shape, member) ? "Secret" : "Member";
            code.Line($"check.{method}({name}, {property}, Check{Naming.Pascal(member.Shape)});");
        }

        code.Close();
    }

    private static void Value(CodeWriter code, TypeMap map, ModelShape shape)
    {
        var arguments = new List<string> { "value" };
        var method = shape.Type switch
        {
            "string" => "Text",
            "integer" or "long" => "Range",
            "blob" => "Bytes",
            "list" => "Items",
            "map" => "Entries",
            _ => throw new InvalidDataException($"Constraints on '{shape.Name}' of type '{shape.Type}' are not supported."),
        };
        if (shape.Type is "map") arguments.Add(Rule(shape.Key!));
        if (shape.Type is "list" or "map") arguments.Add(Rule(shape.Item!));
        if (shape.Min is { } min) arguments.Add($"min: {min.ToString(CultureInfo.InvariantCulture)}");
        if (shape.Max is { } max) arguments.Add($"max: {max.ToString(CultureInfo.InvariantCulture)}");
        if (shape.Pattern is not null) arguments.Add($"pattern: {map.Service.Prefix}Patterns.{Naming.Pascal(shape.Name)}");
        if (shape.Enum is not null) arguments.Add($"values: {Naming.EnumClass(shape.Name)}.All");
        code.Line($"private static void Check{Naming.Pascal(shape.Name)}(ConstraintChecker check, {map.Type(shape.Name)} value) =>");
        code.Continued($"check.{method}({string.Join(", ", arguments)});");

        string Rule(string item) => HasRule(map, item) ? "Check" + Naming.Pascal(item) : "null";
    }
}

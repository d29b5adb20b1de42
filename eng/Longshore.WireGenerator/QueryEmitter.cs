namespace Longshore.WireGenerator;

/// <summary>Writes how the query protocol's inputs are read from form members and its outputs written as XML.</summary>
internal static class QueryEmitter
{
    public static string Query(TypeMap map)
    {
        var code = new CodeWriter(map.Service);
        code.Line();
        code.Line("/// <summary>Form members to records, records to XML elements.</summary>");
        code.Open($"internal static class {map.Service.Prefix}Query");
        var first = true;
        foreach (var shape in map.InputStructures)
        {
            if (!first) code.Line();
            first = false;
            Reader(code, map, shape);
        }

        var outputs = map.Model.Operations
            .SelectMany(operation => map.Model.Reachable(operation.Output))
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal)
            .Select(map.Shape)
            .Where(shape => shape.Type == "structure");
        foreach (var shape in outputs)
        {
            code.Line();
            Writer(code, map, shape);
        }

        code.Close();
        return code.ToString();
    }

    private static void Reader(CodeWriter code, TypeMap map, ModelShape shape)
    {
        var type = Naming.Class(shape.Name);
        if (shape.Members.Count == 0)
        {
            code.Line($"public static {type} Read{type}(QueryNode form) => new();");
            return;
        }

        code.Line($"public static {type} Read{type}(QueryNode form) => new()");
        code.Line("{");
        foreach (var member in shape.Members)
        {
            var name = Naming.Literal(member.WireName);
            var target = map.Shape(member.Shape);
            var read = target.Type switch
            {
                "string" => $"form.Text({name})",
                "integer" => $"form.Number({name})",
                "boolean" => $"form.Flag({name})",
                "structure" => $"form.Structure({name}, Read{Naming.Class(target.Name)})",
                "list" when map.Shape(target.Item!).Type == "string" => $"form.List({name}, item => item.Value)",
                "list" when map.Shape(target.Item!).Type == "structure" => $"form.List({name}, Read{Naming.Class(target.Item!)})",
                _ => throw new InvalidDataException($"Query input '{shape.Name}.{member.WireName}' of type '{target.Type}' is not supported."),
            };
            code.Continued($"{Naming.Property(shape.Name, member.WireName)} = {read},");
        }

        code.Line("};");
    }

    private static void Writer(CodeWriter code, TypeMap map, ModelShape shape)
    {
        var type = Naming.Class(shape.Name);
        code.Open($"public static void Write{type}(QueryXmlWriter xml, {type} value)");
        foreach (var member in shape.Members)
        {
            var name = Naming.Literal(member.WireName);
            var property = $"value.{Naming.Property(shape.Name, member.WireName)}";
            var target = map.Shape(member.Shape);
            code.Line(target.Type switch
            {
                "string" => $"xml.Text({name}, {property});",
                "integer" => $"xml.Number({name}, {property});",
                "boolean" => $"xml.Flag({name}, {property});",
                "blob" => $"xml.Bytes({name}, {property});",
                "list" when map.Shape(target.Item!).Type == "string" => $"xml.List({name}, {property}, (writer, item) => writer.Text(\"member\", item));",
                "list" when map.Shape(target.Item!).Type == "structure" => $"xml.List({name}, {property}, (writer, item) => writer.Structure(\"member\", item, Write{Naming.Class(target.Item!)}));",
                "map" when map.Shape(target.Item!).Type == "string" => $"xml.Map({name}, {property}, (writer, item) => writer.Text(\"value\", item));",
                "map" when map.Shape(target.Item!).Type == "integer" => $"xml.Map({name}, {property}, (writer, item) => writer.Number(\"value\", item));",
                "timestamp" => $"xml.Timestamp({name}, {property});",
                "structure" => $"xml.Structure({name}, {property}, Write{Naming.Class(target.Name)});",
                _ => throw new InvalidDataException($"Query output '{shape.Name}.{member.WireName}' of type '{target.Type}' is not supported."),
            });
        }

        code.Close();
    }
}

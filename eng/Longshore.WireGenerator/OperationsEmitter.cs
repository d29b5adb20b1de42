namespace Longshore.WireGenerator;

/// <summary>Writes the table of operations, the error shapes and, for JSON services, the serializer context.</summary>
internal static class OperationsEmitter
{
    public static string Operations(TypeMap map)
    {
        var prefix = map.Service.Prefix;
        var json = map.Model.Protocol == "json";
        var code = new CodeWriter(map.Service, "System.Collections.Frozen");
        code.Line();
        code.Line("/// <summary>Every operation of the service's model.</summary>");
        code.Open($"public static class {prefix}Operations");
        if (map.Model.TargetPrefix is { } target)
        {
            code.Line("/// <summary>What stands before the dot in <c>X-Amz-Target</c>.</summary>");
            code.Line($"public const string TargetPrefix = {Naming.Literal(target)};");
        }

        code.Line("/// <summary>The API version of the model.</summary>");
        code.Line($"public const string ApiVersion = {Naming.Literal(map.Model.ApiVersion)};");
        if (map.Model.XmlNamespace is { } xml)
        {
            code.Line("/// <summary>The XML namespace of replies and errors.</summary>");
            code.Line($"public const string XmlNamespace = {Naming.Literal(xml)};");
        }

        foreach (var operation in map.Model.Operations)
        {
            var (input, output) = (Naming.Class(operation.Input), Naming.Class(operation.Output));
            code.Line();
            code.Line($"public static {(json ? "JsonOperation" : "QueryOperation")}<{input}, {output}> {operation.Name} {{ get; }} = new()");
            code.Line("{");
            code.Continued($"Name = {Naming.Literal(operation.Name)},");
            if (json)
            {
                code.Continued($"Input = {prefix}JsonContext.Wire.{input},");
                code.Continued($"Output = {prefix}JsonContext.Wire.{output},");
            }
            else
            {
                code.Continued($"ResultElement = {(operation.ResultWrapper is { } wrapper ? Naming.Literal(wrapper) : "null")},");
                code.Continued("XmlNamespace = XmlNamespace,");
                code.Continued($"ReadMembers = {prefix}Query.Read{input},");
                code.Continued($"WriteMembers = {prefix}Query.Write{output},");
            }

            code.Continued($"Validate = {prefix}Constraints.Validate,");
            if (operation.Anonymous) code.Continued("IsAnonymous = true,");
            code.Continued("Errors =");
            code.Continued("[");
            foreach (var error in operation.Errors) code.Continued($"    {prefix}ErrorShapes.{Naming.Pascal(error)},");
            code.Continued("],");
            code.Line("};");
        }

        code.Line();
        code.Line("/// <summary>The operations by name. Names are case-sensitive.</summary>");
        code.Line("public static FrozenDictionary<string, AwsOperation> All { get; } = new AwsOperation[]");
        code.Line("{");
        foreach (var operation in map.Model.Operations) code.Continued($"{operation.Name},");
        code.Line("}.ToFrozenDictionary(operation => operation.Name, StringComparer.Ordinal);");
        code.Close();
        return code.ToString();
    }

    public static string Errors(TypeMap map)
    {
        var json = map.Model.Protocol == "json";
        var code = json
            ? new CodeWriter(map.Service, "System.Collections.Frozen", "System.Text.Json.Serialization")
            : new CodeWriter(map.Service, "System.Collections.Frozen");
        code.Line();
        code.Line("/// <summary>Every exception shape of the service's model, with its status and whose fault it is.</summary>");
        code.Open($"public static class {map.Service.Prefix}ErrorShapes");
        foreach (var shape in map.Exceptions)
        {
            var errorCode = shape.ErrorCode ?? shape.Name;
            var status = shape.ErrorStatus ?? (shape.IsFault ? 500 : 400);
            code.Line($"public static AwsErrorShape {Naming.Pascal(shape.Name)} {{ get; }} =");
            code.Continued($"new({Naming.Literal(shape.Name)}, {Naming.Literal(errorCode)}, {status}, {(shape.IsFault ? "true" : "false")});");
            code.Line();
        }

        code.Line("/// <summary>The shapes by name.</summary>");
        code.Line("public static FrozenDictionary<string, AwsErrorShape> All { get; } = new[]");
        code.Line("{");
        foreach (var shape in map.Exceptions) code.Continued($"{Naming.Pascal(shape.Name)},");
        code.Line("}.ToFrozenDictionary(shape => shape.Name, StringComparer.Ordinal);");
        code.Close();
        foreach (var shape in map.DetailedExceptions)
        {
            if (!json) throw new InvalidDataException($"Exception '{shape.Name}' has members, which is not supported for {map.Model.Protocol}.");
            code.Line();
            code.Line($"/// <summary>The whole error body of <c>{shape.Name}</c>, which tells more than a message.</summary>");
            code.Open($"public sealed record {Naming.Class(shape.Name)}Body");
            code.Line("[JsonPropertyName(\"__type\")]");
            code.Line($"public string? ErrorType {{ get; init; }} = {Naming.Literal(shape.Name)};");
            code.Line();
            ShapesEmitter.Members(code, map, shape, shape.Members);
            code.Close();
        }

        return code.ToString();
    }

    public static string JsonContext(TypeMap map)
    {
        var prefix = map.Service.Prefix;
        var code = new CodeWriter(map.Service, "System.Text.Json.Serialization");
        code.Line();
        code.Line("/// <summary>Metadata of every message. Use <see cref=\"Wire\"/>: it alone has the wire's options.</summary>");
        // Fast-path writers ignore custom encoders and would double the generated code: metadata only.
        code.Line("[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]");
        var types = map.Model.Operations
            .SelectMany(operation => new[] { operation.Input, operation.Output })
            .Select(Naming.Class)
            .Concat(map.DetailedExceptions.Select(shape => Naming.Class(shape.Name) + "Body"))
            .Append("AwsErrorBody")
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal);
        foreach (var type in types) code.Line($"[JsonSerializable(typeof({type}))]");
        code.Open($"public sealed partial class {prefix}JsonContext : JsonSerializerContext");
        code.Line("/// <summary>The context with the options of <see cref=\"AwsJson.CreateOptions\"/>.</summary>");
        code.Line($"public static {prefix}JsonContext Wire {{ get; }} = new(AwsJson.CreateOptions());");
        code.Close();
        return code.ToString();
    }
}

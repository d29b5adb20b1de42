namespace Longshore.WireGenerator;

/// <summary>Which C# type stands for a shape, and which structures of a model are generated at all.</summary>
internal sealed class TypeMap(Service service, Model model)
{
    public Service Service => service;

    public Model Model => model;

    /// <summary>Structures some operation takes or gives, in ordinal order; exceptions are kept apart.</summary>
    public IReadOnlyList<ModelShape> Structures { get; } =
    [
        .. model.Operations
            .SelectMany(operation => new[] { operation.Input, operation.Output })
            .SelectMany(model.Reachable)
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal)
            .Select(name => model.Shapes[name])
            .Where(shape => shape.Type == "structure"),
    ];

    /// <summary>Structures that can arrive from a client, and are therefore checked.</summary>
    public IReadOnlyList<ModelShape> InputStructures { get; } =
    [
        .. model.Operations
            .SelectMany(operation => model.Reachable(operation.Input))
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal)
            .Select(name => model.Shapes[name])
            .Where(shape => shape.Type == "structure"),
    ];

    /// <summary>Exception shapes, in ordinal order.</summary>
    public IReadOnlyList<ModelShape> Exceptions { get; } =
        [.. model.Shapes.Values.Where(shape => shape.IsException).OrderBy(shape => shape.Name, StringComparer.Ordinal)];

    /// <summary>Exceptions that tell more than a message, and so need a record of their own.</summary>
    public IEnumerable<ModelShape> DetailedExceptions =>
        Exceptions.Where(shape => shape.Members.Any(member => member.WireName != "message"));

    public ModelShape Shape(string name) => model.Shapes[name];

    /// <summary>The C# type of a value of the shape, without nullability.</summary>
    public string Type(string name)
    {
        var shape = model.Shapes[name];
        return shape.Type switch
        {
            "string" => "string",
            "integer" => "int",
            "long" => "long",
            "double" or "float" => "double",
            "boolean" => "bool",
            "blob" => "byte[]",
            "timestamp" => "DateTimeOffset",
            "list" => $"IReadOnlyList<{Type(shape.Item!)}>",
            "map" when model.Shapes[shape.Key!].Type == "string" => $"IReadOnlyDictionary<string, {Type(shape.Item!)}>",
            "structure" => Naming.Class(name),
            _ => throw new InvalidDataException($"Shape '{name}' has type '{shape.Type}', which is not supported."),
        };
    }

    public bool IsValueType(string name) =>
        model.Shapes[name].Type is "integer" or "long" or "double" or "float" or "boolean" or "timestamp";

    public bool IsSecret(ModelShape structure, ModelMember member) =>
        model.Shapes[member.Shape].Sensitive || service.Secrets.Contains($"{structure.Name}.{member.WireName}");
}

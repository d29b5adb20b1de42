using System.Text.Json;

namespace Longshore.WireGenerator;

/// <summary>
/// Reads a botocore service model. Any trait it does not know is an error: a trait silently skipped
/// (a renamed member, another timestamp format) would be a wrong wire form.
/// </summary>
internal static class ModelReader
{
    private static readonly HashSet<string> OperationTraits =
        ["name", "http", "input", "output", "errors", "auth", "authtype", "documentation"];

    private static readonly HashSet<string> ShapeTraits =
    [
        "type", "members", "required", "member", "key", "value", "min", "max", "pattern", "enum",
        "sensitive", "exception", "fault", "error", "documentation",
        // Whether a number may be absent: our records let all members be absent.
        "box",
    ];

    private static readonly HashSet<string> MemberTraits = ["shape", "deprecated", "deprecatedMessage", "documentation"];

    /// <summary>Stand for the input or output of operations that the model gives none.</summary>
    private const string NoInput = "NoInput";

    private const string NoOutput = "NoOutput";

    /// <param name="json">The model.</param>
    /// <param name="chosen">The operations wanted, or null for all; shapes that only others use are left out.</param>
    /// <exception cref="InvalidDataException">The model uses a protocol, type or trait unknown to the generator.</exception>
    public static Model Read(string json, IReadOnlySet<string>? chosen = null)
    {
        using var document = JsonDocument.Parse(json);
        var root = document.RootElement;
        var metadata = root.GetProperty("metadata");
        var operations = root.GetProperty("operations").EnumerateObject()
            .Where(operation => chosen?.Contains(operation.Name) ?? true)
            .Select(ReadOperation)
            .OrderBy(operation => operation.Name, StringComparer.Ordinal)
            .ToList();
        if (chosen is not null && chosen.FirstOrDefault(name => operations.All(operation => operation.Name != name)) is { } missing)
            throw new InvalidDataException($"The model has no operation '{missing}'.");
        var shapes = root.GetProperty("shapes").EnumerateObject().ToDictionary(shape => shape.Name, ReadShape, StringComparer.Ordinal);
        foreach (var name in new[] { NoInput, NoOutput })
            if (operations.Exists(operation => operation.Input == name || operation.Output == name))
                shapes.Add(name, new ModelShape { Name = name, Type = "structure" });
        var model = new Model(
            metadata.GetProperty("protocol").GetString()!,
            Text(metadata, "targetPrefix"),
            Text(metadata, "xmlNamespace"),
            metadata.GetProperty("apiVersion").GetString()!,
            operations,
            shapes);
        if (chosen is null) return model;
        var used = operations
            .SelectMany(operation => operation.Errors.Append(operation.Input).Append(operation.Output))
            .SelectMany(model.Reachable)
            .ToHashSet(StringComparer.Ordinal);
        return model with { Shapes = shapes.Where(shape => used.Contains(shape.Key)).ToDictionary(StringComparer.Ordinal) };
    }

    private static ModelOperation ReadOperation(JsonProperty property)
    {
        var operation = property.Value;
        RefuseUnknown(operation, OperationTraits, property.Name);
        var hasOutput = operation.TryGetProperty("output", out var output);
        return new ModelOperation(
            property.Name,
            operation.TryGetProperty("input", out var input) ? input.GetProperty("shape").GetString()! : NoInput,
            hasOutput ? output.GetProperty("shape").GetString()! : NoOutput,
            hasOutput ? Text(output, "resultWrapper") : null,
            Text(operation, "authtype") == "none",
            operation.TryGetProperty("errors", out var errors)
                ? [.. errors.EnumerateArray().Select(error => error.GetProperty("shape").GetString()!).Order(StringComparer.Ordinal)]
                : []);
    }

    private static ModelShape ReadShape(JsonProperty property)
    {
        var shape = property.Value;
        RefuseUnknown(shape, ShapeTraits, property.Name);
        var required = shape.TryGetProperty("required", out var names)
            ? names.EnumerateArray().Select(name => name.GetString()!).ToHashSet(StringComparer.Ordinal)
            : [];
        var hasError = shape.TryGetProperty("error", out var error);
        return new ModelShape
        {
            Name = property.Name,
            Type = shape.GetProperty("type").GetString()!,
            Members = shape.TryGetProperty("members", out var members)
                ? [.. members.EnumerateObject().Select(member => ReadMember(property.Name, member, required))]
                : [],
            Key = Reference(shape, "key", property.Name),
            Item = Reference(shape, "member", property.Name) ?? Reference(shape, "value", property.Name),
            Min = Number(shape, "min"),
            Max = Number(shape, "max"),
            Pattern = Text(shape, "pattern"),
            Enum = shape.TryGetProperty("enum", out var values) ? [.. values.EnumerateArray().Select(value => value.GetString()!)] : null,
            Sensitive = Flag(shape, "sensitive"),
            IsException = Flag(shape, "exception"),
            IsFault = Flag(shape, "fault"),
            ErrorCode = hasError ? Text(error, "code") : null,
            ErrorStatus = hasError ? (int?)Number(error, "httpStatusCode") : null,
        };
    }

    private static ModelMember ReadMember(string structure, JsonProperty member, HashSet<string> required)
    {
        RefuseUnknown(member.Value, MemberTraits, $"{structure}.{member.Name}");
        return new ModelMember(
            member.Name, member.Value.GetProperty("shape").GetString()!, required.Contains(member.Name), Flag(member.Value, "deprecated"));
    }

    private static string? Reference(JsonElement shape, string role, string name)
    {
        if (!shape.TryGetProperty(role, out var reference)) return null;
        RefuseUnknown(reference, MemberTraits, $"{name}.{role}");
        return reference.GetProperty("shape").GetString();
    }

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) ? value.GetString() : null;

    private static long? Number(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) ? value.GetInt64() : null;

    private static bool Flag(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.GetBoolean();

    private static void RefuseUnknown(JsonElement element, HashSet<string> known, string where)
    {
        foreach (var property in element.EnumerateObject())
            if (!known.Contains(property.Name))
                throw new InvalidDataException($"Trait '{property.Name}' at '{where}' is unknown to the generator.");
    }
}

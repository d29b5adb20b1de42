namespace Longshore.WireGenerator;

/// <summary>Makes all generated files in memory; touching the disk is left to <see cref="Workspace"/>.</summary>
internal static class Generator
{
    /// <summary>The files by their path relative to the repository's root, in ordinal order.</summary>
    /// <param name="services">Which to generate.</param>
    /// <param name="readModel">Gives the text of a model file by its name.</param>
    /// <exception cref="InvalidDataException">A model holds something the generator does not know.</exception>
    public static SortedDictionary<string, string> Generate(IEnumerable<Service> services, Func<string, string> readModel)
    {
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var service in services)
        {
            var map = new TypeMap(service, Relax(ModelReader.Read(readModel(service.ModelFile), service.Operations), service.Relaxed));
            Add("Requests", ShapesEmitter.Requests(map));
            Add("Responses", ShapesEmitter.Responses(map));
            Add("Shapes", ShapesEmitter.Shared(map));
            Add("Patterns", ConstraintsEmitter.Patterns(map));
            Add("Constraints", ConstraintsEmitter.Constraints(map));
            Add("ErrorShapes", OperationsEmitter.Errors(map));
            Add("Operations", OperationsEmitter.Operations(map));
            if (map.Model.Shapes.Values.Any(shape => shape.Enum is not null)) Add("Enums", ShapesEmitter.Enums(map));
            switch (map.Model.Protocol)
            {
                case "json":
                    Add("JsonContext", OperationsEmitter.JsonContext(map));
                    break;
                case "query":
                    Add("Query", QueryEmitter.Query(map));
                    break;
                default:
                    throw new InvalidDataException($"Protocol '{map.Model.Protocol}' of {service.ModelFile} is not supported.");
            }

            void Add(string part, string text) => files.Add($"{service.Folder}/{service.Prefix}{part}.Generated.cs", text);
        }

        return files;
    }

    private static Model Relax(Model model, IReadOnlySet<string> relaxed) => model with
    {
        Shapes = model.Shapes.ToDictionary(
            shape => shape.Key,
            shape => shape.Value with { Members = [.. shape.Value.Members.Select(member => relaxed.Contains($"{shape.Key}.{member.WireName}") ? member with { Required = false } : member)] },
            StringComparer.Ordinal),
    };
}

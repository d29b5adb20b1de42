using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;

namespace Longshore.Server.Management;

/// <summary>The OpenAPI 3.1 document of <c>/longshore/v1</c>, generated from the declarations and the types of the bodies.</summary>
internal sealed class OpenApiDocument
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, NewLine = "\n" };

    private readonly Lazy<byte[]> bytes = new(static () => JsonSerializer.SerializeToUtf8Bytes(Build(ManagementOperationTable.All), Indented));

    /// <summary>The document.</summary>
    public byte[] Bytes => bytes.Value;

    /// <summary>The document of some operations.</summary>
    public static JsonNode Build(IReadOnlyList<ManagementOperation> operations)
    {
        var schemas = new JsonObject();
        var error = AddSchema(schemas, ManagementFaceJson.Wire.ManagementErrorBody);
        var paths = new JsonObject();
        foreach (var group in operations.GroupBy(o => o.Declaration.Path, StringComparer.Ordinal))
        {
            var item = new JsonObject();
            foreach (var operation in group) item[operation.Declaration.Method.ToLowerInvariant()] = Operation(operation, schemas);
            paths[ManagementTarget.Prefix + group.Key] = item;
        }

        return new JsonObject
        {
            ["openapi"] = "3.1.1",
            ["info"] = new JsonObject
            {
                ["title"] = "Longshore",
                ["version"] = "v1",
                ["description"] = "What AWS has no call for. Requests are signed (SigV4, service longshore or ecr), or carry the registry token as Basic password.",
            },
            ["security"] = new JsonArray(new JsonObject { ["signature"] = new JsonArray() }, new JsonObject { ["token"] = new JsonArray() }),
            ["paths"] = paths,
            ["components"] = new JsonObject
            {
                ["securitySchemes"] = new JsonObject
                {
                    ["signature"] = new JsonObject
                    {
                        ["type"] = "apiKey",
                        ["in"] = "header",
                        ["name"] = "Authorization",
                        ["description"] = "AWS Signature Version 4 in the header.",
                        ["x-amazon-apigateway-authtype"] = "awsSigv4",
                    },
                    ["token"] = new JsonObject { ["type"] = "http", ["scheme"] = "basic", ["description"] = "User AWS, password from aws ecr get-login-password." },
                },
                ["responses"] = new JsonObject
                {
                    ["Error"] = new JsonObject { ["description"] = "The error.", ["content"] = Content(error) },
                },
                ["schemas"] = schemas,
            },
        };
    }

    private static JsonObject Operation(ManagementOperation operation, JsonObject schemas)
    {
        var declaration = operation.Declaration;
        var answer = operation.Output is null
            ? new JsonObject { ["204"] = new JsonObject { ["description"] = "Done." } }
            : new JsonObject { ["200"] = new JsonObject { ["description"] = "The answer.", ["content"] = Content(AddSchema(schemas, operation.Output)) } };
        answer["default"] = new JsonObject { ["$ref"] = "#/components/responses/Error" };
        var result = new JsonObject
        {
            ["operationId"] = declaration.OperationId,
            ["tags"] = new JsonArray(declaration.Tag),
            ["summary"] = declaration.Summary,
        };
        if (declaration.Details.Length > 0) result["description"] = declaration.Details;
        result["x-longshore-action"] = declaration.Action;
        result["x-longshore-resource"] = declaration.Scope switch
        {
            ManagementScope.Registry => "*",
            ManagementScope.Repository => "repository",
            _ => "repository, or * when none is named",
        };
        result["parameters"] = new JsonArray([.. declaration.AllParameters().Select(Parameter)]);
        if (operation.Input is not null) result["requestBody"] = new JsonObject { ["required"] = true, ["content"] = Content(AddSchema(schemas, operation.Input)) };
        result["responses"] = answer;
        return result;
    }

    private static JsonNode Parameter(ManagementParameter parameter)
    {
        var result = new JsonObject
        {
            ["name"] = parameter.Name,
            ["in"] = parameter.InPath ? "path" : "query",
            ["required"] = parameter.Required,
            ["description"] = parameter.Description,
            ["schema"] = parameter.Schema(),
        };
        if (parameter.FurtherAction is { } further) result["x-longshore-action"] = further;
        return result;
    }

    private static JsonObject Content(string schema) => new()
    {
        [ManagementJson.MediaType] = new JsonObject { ["schema"] = new JsonObject { ["$ref"] = schema } },
    };

    private static string AddSchema(JsonObject schemas, JsonTypeInfo type)
    {
        const string Suffix = "Wire";
        var name = type.Type.Name.EndsWith(Suffix, StringComparison.Ordinal) ? type.Type.Name[..^Suffix.Length] : type.Type.Name;
        if (!schemas.ContainsKey(name)) schemas[name] = type.GetJsonSchemaAsNode(new JsonSchemaExporterOptions { TreatNullObliviousAsNonNullable = true });
        return "#/components/schemas/" + name;
    }
}

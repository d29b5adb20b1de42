using System.Globalization;
using System.Text.Json;

namespace Longshore.Core.Lifecycle;

/// <summary>The closed schema of a policy document: which members there are, of which type, with which values.</summary>
internal sealed class LifecycleDocumentReader(List<LifecyclePolicyFault> faults)
{
    /// <summary>Most stars in one pattern.</summary>
    private const int MaxStars = 4;

    /// <summary>The longest tag; a longer prefix or pattern of literals could meet none.</summary>
    private const int MaxTagLength = 300;

    private static readonly string[] TagStatuses = ["tagged", "untagged", "any"];
    private static readonly string[] CountTypes = ["imageCountMoreThan", "sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned"];
    private static readonly string[] StorageClasses = ["standard", "archive"];
    private static readonly string[] Actions = ["expire", "transition"];

    /// <summary>The rules; what could not be read is among the faults.</summary>
    public List<LifecycleRule> ReadDocument(JsonElement root)
    {
        var rules = new List<LifecycleRule>();
        if (!IsA(root, JsonValueKind.Object, "object", "")) return rules;
        var members = Members(root, "", ["rules"], []);
        if (!members.TryGetValue("rules", out var list) || !IsA(list, JsonValueKind.Array, "array", "rules")) return rules;
        var count = list.GetArrayLength();
        if (count == 0) Fault("rules", "array is too short: must have at least 1 elements but instance has 0 elements");
        if (count > LifecyclePolicy.MaxRules) Fault("rules", $"array is too long: must have at most {LifecyclePolicy.MaxRules} elements but instance has {count} elements");
        var position = 0;
        foreach (var element in list.EnumerateArray().Take(LifecyclePolicy.MaxRules))
        {
            var before = faults.Count;
            var rule = ReadRule(element, position, $"rules[{position}]");
            if (faults.Count == before) rules.Add(rule);
            position++;
        }

        return rules;
    }

    private LifecycleRule ReadRule(JsonElement element, int position, string path)
    {
        var nothing = new LifecycleRule(position, 0, null, new(default, [], default, default, 1), default);
        if (!IsA(element, JsonValueKind.Object, "object", path)) return nothing;
        var members = Members(element, path, ["rulePriority", "selection", "action"], ["description"]);
        var priority = Integer(members, "rulePriority", path);
        string? description = null;
        if (members.TryGetValue("description", out var text) && IsA(text, JsonValueKind.String, "string", path + ".description")) description = text.GetString();
        var action = members.TryGetValue("action", out var act) ? ReadAction(act, path + ".action") : default;
        var selection = members.TryGetValue("selection", out var select) ? ReadSelection(select, action, path + ".selection") : nothing.Selection;
        return new LifecycleRule(position, priority, description, selection, action);
    }

    private LifecycleAction ReadAction(JsonElement element, string path)
    {
        if (!IsA(element, JsonValueKind.Object, "object", path)) return default;
        var members = Members(element, path, ["type"], ["targetStorageClass"]);
        var type = OneOf(members, "type", Actions, path);
        var hasTarget = members.ContainsKey("targetStorageClass");
        if (hasTarget) OneOf(members, "targetStorageClass", ["archive"], path);
        if (type == (int)LifecycleAction.Transition && !hasTarget) Missing(path, "targetStorageClass");
        if (type == (int)LifecycleAction.Expire && hasTarget) NotAllowed(path, "targetStorageClass");
        return (LifecycleAction)Math.Max(type, 0);
    }

    private LifecycleSelection ReadSelection(JsonElement element, LifecycleAction action, string path)
    {
        if (!IsA(element, JsonValueKind.Object, "object", path)) return new(default, [], default, default, 1);
        var members = Members(element, path, ["tagStatus", "countType", "countNumber"], ["tagPatternList", "tagPrefixList", "storageClass", "countUnit"]);
        var status = OneOf(members, "tagStatus", TagStatuses, path);
        var countType = OneOf(members, "countType", CountTypes, path);
        var number = Integer(members, "countNumber", path);
        var storage = members.ContainsKey("storageClass") ? OneOf(members, "storageClass", StorageClasses, path) : (int)StorageClass.Standard;
        var tags = ReadTags(members, status, path);
        if (countType >= 0) CheckCount((LifecycleCountType)countType, number, storage, members.ContainsKey("countUnit"), action, path);
        if (members.ContainsKey("countUnit")) OneOf(members, "countUnit", ["days"], path);
        return new((LifecycleTagStatus)Math.Max(status, 0), tags, (StorageClass)Math.Max(storage, 0), (LifecycleCountType)Math.Max(countType, 0), number);
    }

    private List<TagCriterion> ReadTags(Dictionary<string, JsonElement> members, int status, string path)
    {
        var hasPrefixes = members.TryGetValue("tagPrefixList", out var prefixes);
        var hasPatterns = members.TryGetValue("tagPatternList", out var patterns);
        var tags = new List<TagCriterion>();
        if (hasPrefixes) ReadTagList(prefixes, path + ".tagPrefixList", TagCriterion.Prefix, isPattern: false, tags);
        if (hasPatterns) ReadTagList(patterns, path + ".tagPatternList", TagCriterion.Pattern, isPattern: true, tags);
        if (status == (int)LifecycleTagStatus.Tagged)
        {
            if (hasPrefixes && hasPatterns) Fault(path, "tagPrefixList and tagPatternList cannot be used in one rule");
            if (!hasPrefixes && !hasPatterns) Fault(path, "tagPrefixList or tagPatternList is required when tagStatus is tagged");
        }
        else if (status >= 0)
        {
            if (hasPrefixes) Fault(path + ".tagPrefixList", $"tagPrefixList cannot be used when tagStatus is {TagStatuses[status]}");
            if (hasPatterns) Fault(path + ".tagPatternList", $"tagPatternList cannot be used when tagStatus is {TagStatuses[status]}");
        }

        return tags;
    }

    private void ReadTagList(JsonElement list, string path, Func<string, TagCriterion> create, bool isPattern, List<TagCriterion> tags)
    {
        if (!IsA(list, JsonValueKind.Array, "array", path)) return;
        if (list.GetArrayLength() == 0) Fault(path, "array is too short: must have at least 1 elements but instance has 0 elements");
        var index = 0;
        foreach (var element in list.EnumerateArray())
        {
            var at = $"{path}[{index++}]";
            if (!IsA(element, JsonValueKind.String, "string", at)) continue;
            var text = element.GetString()!;
            if (text.Length is 0 or > MaxTagLength) Fault(at, $"string must have 1 to {MaxTagLength} characters, found: {text.Length}");
            else if (!text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' || (c == '*' && isPattern))) Fault(at, $"\"{text}\" has characters that no tag can have");
            else if (text.Count(static c => c == '*') > MaxStars) Fault(at, $"\"{text}\" has more than {MaxStars} wildcards");
            else tags.Add(create(text));
        }
    }

    private void CheckCount(LifecycleCountType type, int number, int storage, bool hasUnit, LifecycleAction action, string path)
    {
        var name = CountTypes[(int)type];
        if (type == LifecycleCountType.ImageCountMoreThan)
        {
            if (hasUnit) Fault(path + ".countUnit", "countUnit cannot be used when countType is imageCountMoreThan");
        }
        else if (!hasUnit)
        {
            Missing(path, "countUnit");
        }

        if (type == LifecycleCountType.SinceImageTransitioned)
        {
            if (storage == (int)StorageClass.Standard) Fault(path + ".storageClass", "storageClass must be archive when countType is sinceImageTransitioned");
            if (action != LifecycleAction.Expire) Fault(path + ".countType", "sinceImageTransitioned can only be used with the action expire");
            if (number is > 0 and < 90) Fault(path + ".countNumber", $"numeric instance is lower than the required minimum (minimum: 90, found: {number})");
            return;
        }

        if (storage == (int)StorageClass.Archive) Fault(path + ".storageClass", $"storageClass must be standard when countType is {name}");
        if (type == LifecycleCountType.SinceImagePulled && action != LifecycleAction.Transition)
            Fault(path + ".countType", "sinceImagePulled can only be used with the action transition");
    }

    private Dictionary<string, JsonElement> Members(JsonElement element, string path, string[] required, string[] optional)
    {
        var members = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        var unknown = new List<string>();
        foreach (var member in element.EnumerateObject())
        {
            if (!required.Contains(member.Name) && !optional.Contains(member.Name)) unknown.Add(member.Name);
            else if (!members.TryAdd(member.Name, member.Value)) Fault(Join(path, member.Name), $"{member.Name} is given twice");
        }

        var missing = required.Where(name => !members.ContainsKey(name)).ToArray();
        if (missing.Length > 0) Missing(path, missing);
        if (unknown.Count > 0) NotAllowed(path, [.. unknown]);
        return members;
    }

    private int OneOf(Dictionary<string, JsonElement> members, string name, string[] values, string path)
    {
        if (!members.TryGetValue(name, out var element)) return -1;
        var at = Join(path, name);
        if (!IsA(element, JsonValueKind.String, "string", at)) return -1;
        var index = Array.IndexOf(values, element.GetString());
        if (index < 0) Fault(at, $"instance value ({element.GetString()}) not found in enum :(possible values: [{Quoted(values)}])");
        return index;
    }

    private int Integer(Dictionary<string, JsonElement> members, string name, string path)
    {
        if (!members.TryGetValue(name, out var element)) return 0;
        var at = Join(path, name);
        if (!IsA(element, JsonValueKind.Number, "integer", at)) return 0;
        // A whole number may be written as 1.0 or 1e2: to JSON it is the same one.
        if (!decimal.TryParse(element.GetRawText(), NumberStyles.Float, CultureInfo.InvariantCulture, out var value))
        {
            Fault(at, $"numeric instance is greater than the required maximum (maximum: {int.MaxValue}, found: {Shortened(element.GetRawText())})");
            return 0;
        }

        if (decimal.Truncate(value) != value) Fault(at, "instance type (number) does not match any allowed primitive type (allowed: [\"integer\"])");
        else if (value < 1) Fault(at, $"numeric instance is lower than the required minimum (minimum: 1, found: {element.GetRawText()})");
        else if (value > int.MaxValue) Fault(at, $"numeric instance is greater than the required maximum (maximum: {int.MaxValue}, found: {Shortened(element.GetRawText())})");
        else return (int)value;
        return 0;
    }

    private bool IsA(JsonElement element, JsonValueKind kind, string allowed, string path)
    {
        if (element.ValueKind == kind) return true;
        var found = element.ValueKind switch
        {
            JsonValueKind.True or JsonValueKind.False => "boolean",
            JsonValueKind.Number => "number",
            JsonValueKind.String => "string",
            JsonValueKind.Array => "array",
            JsonValueKind.Object => "object",
            _ => "null",
        };
        Fault(path, $"instance type ({found}) does not match any allowed primitive type (allowed: [\"{allowed}\"])");
        return false;
    }

    private void Missing(string path, params string[] names) => Fault(path, $"object has missing required properties ([{Quoted(names)}])");

    private void NotAllowed(string path, params string[] names) =>
        Fault(path, $"object instance has properties which are not allowed by the schema: ([{Quoted(names.Select(Shortened))}])");

    private void Fault(string path, string message) => faults.Add(new(path, message));

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    private static string Quoted(IEnumerable<string> names) => string.Join(',', names.Select(static name => $"\"{name}\""));

    private static string Shortened(string text) => text.Length <= 60 ? text : text[..60] + "…";
}

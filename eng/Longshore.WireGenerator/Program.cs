using Longshore.WireGenerator;

// Usage: generate [--check] [MODELS]
// Writes src/Longshore.Core/Aws/**/*.Generated.cs from the models in MODELS (default: ../shared/aws-models beside
// the repository). With --check nothing is written: exit 1 and a line per differing file if the files are not current.
var check = args.Contains("--check");
var rest = args.Where(argument => argument != "--check").ToList();
if (rest.Count > 1 || rest.Any(argument => argument.StartsWith('-')))
{
    Console.Error.WriteLine("usage: generate [--check] [MODELS]");
    return 2;
}

var root = Workspace.FindRoot(Directory.GetCurrentDirectory()) ?? Workspace.FindRoot(AppContext.BaseDirectory);
if (root is null)
{
    Console.Error.WriteLine("Longshore.slnx was not found at or above the current directory.");
    return 2;
}

var models = rest.Count == 1 ? Path.GetFullPath(rest[0]) : Workspace.DefaultModels(root);
if (!Directory.Exists(models))
{
    Console.Error.WriteLine($"The models' folder {models} does not exist. Name another as the argument.");
    return 2;
}

var workspace = new Workspace(root, models);
foreach (var service in workspace.Skipped)
    Console.WriteLine($"{service.Folder} is left as it is: {service.ModelFile} (Debian package python3-botocore) is not here.");
if (!check)
{
    Console.WriteLine($"{workspace.Write()} files changed.");
    return 0;
}

var differences = workspace.Differences();
foreach (var line in differences) Console.Error.WriteLine(line);
Console.WriteLine(differences.Count == 0 ? "Generated files are current." : $"{differences.Count} files differ. Run eng/generate.");
return differences.Count == 0 ? 0 : 1;

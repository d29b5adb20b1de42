using System.CommandLine;
using System.Globalization;
using Longshore.Core.Aws.Ecr;
using Longshore.Server.Commands.Clients;

namespace Longshore.Server.Commands.Importing;

/// <summary><c>longshore import</c>: brings the images of another registry into a Longshore server, over public APIs on both sides.</summary>
internal sealed class ImportCommand : ClientCommand
{
    private const string PasswordVariable = "LONGSHORE_IMPORT_PASSWORD";

    private const int Tries = 8;
    private const int MaxRate = 1 << 20;

    private readonly Option<string> from = new("--from") { Required = true, HelpName = "REGISTRY[/PATTERN]", Description = "The source, and which repositories: a name or a pattern such as team/*; all without." };
    private readonly Option<string?> user = new("--from-user") { HelpName = "NAME", Description = $"User name at the source; the password is in {PasswordVariable}. Default: docker's config.json." };
    private readonly Option<bool> plain = new("--from-plain-http") { Description = "Speak HTTP without TLS to the source." };
    private readonly Option<string?> ecrEndpoint = new("--from-endpoint-url") { HelpName = "URL", Description = "ECR's API of the source. Default: AWS, for registries with its names; other registries have none." };
    private readonly Option<string?> fromRegion = new("--from-region") { HelpName = "REGION", Description = "Region of the source, for ECR. Default: that of its name, else --region." };
    private readonly Option<string?> fromProfile = new("--from-profile") { HelpName = "NAME", Description = "Profile of the shared credentials file for the source, for ECR." };
    private readonly Option<string[]> tags = new("--tag") { HelpName = "PATTERN", Description = "Only tags that match. Repeatable." };
    private readonly Option<bool> all = new("--all-images") { Description = "Untagged images too, as far as the source lists them (ECR does)." };
    private readonly Option<bool> dryRun = new("--dry-run") { Description = "Write nothing; tell how many bytes would be sent." };
    private readonly Option<int> parallel = new("--parallel") { HelpName = "NUMBER", Description = "Images at a time, 1 to 64.", DefaultValueFactory = static _ => 4 };
    private readonly Option<int> rate = new("--rate") { HelpName = "MIB", Description = "MiB a second at the most, all transfers together; 0: no limit." };

    /// <summary>Creates the command.</summary>
    public ImportCommand(TextWriter output, TextWriter error)
        : base(
            "import",
            "Copy repositories from an OCI registry or from AWS ECR into a Longshore server, tags and digests kept. Run it again to go on. Exit code 0: both sides are the same; 1: something is not; 2: it could not be done.",
            output,
            error)
    {
        foreach (var option in new Option[] { from, user, plain, ecrEndpoint, fromRegion, fromProfile, tags, all, dryRun, parallel, rate }) Add(option);
    }

    /// <inheritdoc/>
    protected override async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var address = SourceAddress.Parse(parsed.GetValue(from)!, parsed.GetValue(plain));
        var options = new ImportOptions(
            address.Pattern, parsed.GetValue(tags) ?? [], parsed.GetValue(all), parsed.GetValue(dryRun), parsed.GetValue(parallel));
        if (parsed.GetValue(parallel) is < 1 or > 64) throw new ClientException("--parallel takes a number from 1 to 64.");
        if (parsed.GetValue(rate) is < 0 or > MaxRate) throw new ClientException($"--rate takes MiB a second, from 0 to {MaxRate}.");
        using var api = Connect(parsed, tries: Tries);
        // Without --endpoint-url the target would be AWS, where this would create repositories.
        if (!await api.IsLongshoreAsync(cancellationToken)) throw new ClientException($"the target {api.Endpoint} is no Longshore server, or not ready: name one with --endpoint-url.");
        using var source = OpenSource(parsed, address);
        using var target = new DistributionClient(new Uri(api.Endpoint, "/"), token => LoginAsync(api, token), TimeProvider.System);
        var counts = new ImportCounts();
        var pacer = new Pacer(parsed.GetValue(rate) * (1L << 20), TimeProvider.System);
        await using (var progress = new ImportProgress(Error, counts, pacer, TimeProvider.System))
            await new Importer(source, target, api, options, pacer, counts, progress.Begin).RunAsync(cancellationToken);
        Report(parsed, options, counts);
        return counts.Failed == 0 ? ClientExitCodes.Fine : ClientExitCodes.Findings;
    }

    private ImportSource OpenSource(ParseResult parsed, SourceAddress address)
    {
        if (address.EcrRegion is null && parsed.GetValue(ecrEndpoint) is null)
        {
            (string, string)? login = parsed.GetValue(user) is { } name
                ? (name, Environment.GetEnvironmentVariable(PasswordVariable) ?? throw new ClientException($"--from-user is given, and {PasswordVariable} has no password."))
                : null;
            return new ImportSource(
                new DistributionClient(address.Registry, token => login is not null ? Task.FromResult(login) : DockerLogins.FindAsync(address.Registry, token), TimeProvider.System), null);
        }

        var region = parsed.GetValue(fromRegion) ?? address.EcrRegion ?? "us-east-1";
        var url = parsed.GetValue(ecrEndpoint) ?? SourceAddress.EcrEndpoint(region);
        if (!Uri.TryCreate(url, UriKind.Absolute, out var endpoint) || endpoint.Scheme is not ("http" or "https")) throw new ClientException($"'{url}' is no address of an API.");
        var credentials = AwsCredentials.Find(parsed.GetValue(fromProfile)) ?? throw new ClientException("there are no credentials for the source: name a --from-profile.");
        var ecr = new RegistryClient(endpoint, region, credentials, TimeProvider.System, Tries);
        return new ImportSource(new DistributionClient(address.Registry, token => LoginAsync(ecr, token), TimeProvider.System), ecr, address.EcrAccount);
    }

    private static async Task<(string User, string Password)?> LoginAsync(RegistryClient api, CancellationToken cancellationToken)
    {
        var answer = await api.CallAsync(EcrOperations.GetAuthorizationToken, new GetAuthorizationTokenRequest(), cancellationToken);
        return SourceAddress.Split((answer.AuthorizationData is [var first, ..] ? first.AuthorizationToken : null) ?? throw new ClientException("GetAuthorizationToken gives no token."));
    }

    private void Report(ParseResult parsed, ImportOptions options, ImportCounts counts)
    {
        if (IsJson(parsed))
        {
            Screen.Json(Output, writer =>
            {
                writer.WriteBoolean("dryRun", options.DryRun);
                writer.WriteNumber("repositories", counts.Repositories);
                writer.WriteNumber("manifests", counts.Images);
                writer.WriteNumber("unchanged", counts.Unchanged);
                writer.WriteNumber("blobs", counts.Blobs);
                writer.WriteNumber("blobBytes", counts.BlobBytes);
                writer.WriteNumber("mountedBlobs", counts.Mounted);
                writer.WriteNumber("presentBlobs", counts.There);
                writer.WriteNumber("times", counts.Times);
                writer.WriteNumber("same", counts.Compared);
                writer.WriteNumber("archived", counts.Archived);
                writer.WriteNumber("failed", counts.Failed);
                writer.WriteStartArray("remarks");
                foreach (var remark in counts.Remarks) writer.WriteStringValue(remark);
                writer.WriteEndArray();
                writer.WriteStartArray("failures");
                foreach (var failure in counts.Failures) writer.WriteStringValue(failure);
                writer.WriteEndArray();
            });
            return;
        }

        Output.WriteLine(Line($"{(options.DryRun ? "Would copy" : "Copied")} {counts.Images:N0} manifests of {counts.Repositories:N0} repositories: {counts.Blobs:N0} blobs ({Screen.Bytes(counts.BlobBytes)}) sent, {counts.Mounted:N0} mounted, {counts.There:N0} were there; {counts.Unchanged:N0} tags and manifests were there."));
        if (!options.DryRun) Output.WriteLine(Line($"Same on both sides: {counts.Compared:N0} tags and untagged images. Times told: {counts.Times:N0}."));
        if (counts.Archived > 0) Error.WriteLine(Line($"{counts.Archived:N0} images are archived at the source, where nobody can pull them: restore them there (UpdateImageStorageClass), then import again."));
        foreach (var remark in counts.Remarks) Error.WriteLine(remark);
        foreach (var failure in counts.Failures) Error.WriteLine("FAILED  " + failure);
        if (counts.Failed > counts.Failures.Count) Error.WriteLine(Line($"FAILED  {counts.Failed - counts.Failures.Count:N0} more."));
    }

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

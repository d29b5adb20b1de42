namespace Longshore.WireGenerator;

/// <summary>One service to generate: the model's file, the folder and namespace, and what the model leaves unsaid.</summary>
/// <param name="ModelFile">File name inside the models' folder.</param>
/// <param name="Prefix">Start of generated class names and name of folder and namespace, such as <c>Ecr</c>.</param>
/// <param name="Secrets">
/// Members (<c>Structure.member</c>) that carry secrets although the model does not mark them as sensitive.
/// They stay out of <c>ToString</c> and of constraint messages.
/// </param>
internal sealed record Service(string ModelFile, string Prefix, IReadOnlySet<string> Secrets)
{
    /// <summary>Where Debian's python3-botocore, which the tests need anyway, keeps the models that are not beside the repository.</summary>
    private const string Botocore = "/usr/lib/python3/dist-packages/botocore/data";

    /// <summary>The operations to generate; null for all of the model.</summary>
    public IReadOnlySet<string>? Operations { get; init; }

    /// <summary>Members (<c>Structure.member</c>) that this model demands and newer ones do not: clients leave them out.</summary>
    public IReadOnlySet<string> Relaxed { get; init; } = new HashSet<string>();

    /// <summary>Whether the machine may be without the model: then the checked-in files stand as they are.</summary>
    public bool Optional => Path.IsPathRooted(ModelFile);

    /// <summary>All services, in the order they are generated.</summary>
    public static IReadOnlyList<Service> All { get; } =
    [
        new("ecr-2015-09-21.json", "Ecr", new HashSet<string>
        {
            "AuthorizationData.authorizationToken", "GetDownloadUrlForLayerResponse.downloadUrl",
        }),
        new("ecr-public-2020-10-30.json", "EcrPublic", new HashSet<string> { "AuthorizationData.authorizationToken" }),
        new("sts-2011-06-15.json", "Sts", new HashSet<string>
        {
            "Credentials.SessionToken", "AssumeRoleRequest.TokenCode", "GetSessionTokenRequest.TokenCode",
            "ProvidedContext.ContextAssertion", "DecodeAuthorizationMessageResponse.DecodedMessage",
        }),
        new($"{Botocore}/iam/2010-05-08/service-2.json", "Iam", new HashSet<string>())
        {
            Operations = IamSelection.Operations,
            Relaxed = new HashSet<string> { "CreateOpenIDConnectProviderRequest.ThumbprintList" },
        },
    ];

    /// <summary>The namespace of the generated files.</summary>
    public string Namespace => $"Longshore.Core.Aws.{Prefix}";

    /// <summary>The folder of the generated files, relative to the repository's root.</summary>
    public string Folder => $"src/Longshore.Core/Aws/{Prefix}";
}

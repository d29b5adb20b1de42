namespace Longshore.Server.Oci;

/// <summary>Headers of the distribution API that HTTP itself does not know (OCI distribution 1.1; the first two are Docker's).</summary>
internal static class OciHeaders
{
    public const string DockerApiVersion = "Docker-Distribution-Api-Version";
    public const string DockerApiVersionValue = "registry/2.0";
    public const string DockerContentDigest = "Docker-Content-Digest";
    public const string DockerUploadUuid = "Docker-Upload-UUID";
    public const string Subject = "OCI-Subject";
    public const string FiltersApplied = "OCI-Filters-Applied";
    public const string Tag = "OCI-Tag";
}

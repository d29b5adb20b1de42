namespace Longshore.Server.Tests.Iam;

/// <summary>OpenID Connect identity providers.</summary>
[Collection(IamCollection.Name)]
public sealed class ProviderTests(IamFixture iam)
{
    private static readonly string Thumbprint = new('a', 40);

    [Fact]
    public async Task A_provider_is_made_changed_listed_and_deleted()
    {
        var host = iam.NewName("issuer") + ".example/path";
        var arn = (await iam.CallAsync(
            "CreateOpenIDConnectProvider", ("Url", $"https://{host}/"), ("ClientIDList.member.1", "sts.amazonaws.com"), ("ThumbprintList.member.1", Thumbprint),
            ("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")))["OpenIDConnectProviderArn"];
        Assert.Equal($"arn:aws:iam::{IamFixture.Account}:oidc-provider/{host}", arn);
        (string, string) provider = ("OpenIDConnectProviderArn", arn);
        var found = await iam.CallAsync("GetOpenIDConnectProvider", provider);
        Assert.Equal((host, "sts.amazonaws.com", Thumbprint, "v"), (found["Url"], found["ClientIDList"], found["ThumbprintList"], found["Value"]));
        await iam.RefusedAsync("EntityAlreadyExists", 409, "CreateOpenIDConnectProvider", ("Url", $"https://{host}"));
        await iam.CallAsync("AddClientIDToOpenIDConnectProvider", provider, ("ClientID", "other"));
        await iam.CallAsync("AddClientIDToOpenIDConnectProvider", provider, ("ClientID", "other"));
        await iam.CallAsync("RemoveClientIDFromOpenIDConnectProvider", provider, ("ClientID", "sts.amazonaws.com"));
        await iam.CallAsync("UpdateOpenIDConnectProviderThumbprint", provider, ("ThumbprintList.member.1", new string('b', 40)));
        found = await iam.CallAsync("GetOpenIDConnectProvider", provider);
        Assert.Equal(("other", new string('b', 40)), (found["ClientIDList"], found["ThumbprintList"]));
        await iam.CallAsync("TagOpenIDConnectProvider", provider, ("Tags.member.1.Key", "l"), ("Tags.member.1.Value", "w"));
        await iam.CallAsync("UntagOpenIDConnectProvider", provider, ("TagKeys.member.1", "k"));
        Assert.Equal(["l"], (await iam.CallAsync("ListOpenIDConnectProviderTags", provider)).All("Key"));
        Assert.Contains(arn, (await iam.CallAsync("ListOpenIDConnectProviders")).All("Arn"));
        await iam.CallAsync("DeleteOpenIDConnectProvider", provider);
        await iam.CallAsync("DeleteOpenIDConnectProvider", provider);
        await iam.RefusedAsync("NoSuchEntity", 404, "GetOpenIDConnectProvider", provider);
    }

    [Theory]
    [InlineData("http://issuer.example")]
    [InlineData("https://user@issuer.example")]
    [InlineData("https://issuer.example?x=1")]
    [InlineData("issuer.example")]
    public async Task A_url_that_is_no_issuer_is_refused(string url) =>
        await iam.RefusedAsync("InvalidInput", 400, "CreateOpenIDConnectProvider", ("Url", url), ("ClientIDList.member.1", "a"));

    [Fact]
    public async Task A_thumbprint_that_is_none_is_refused() =>
        await iam.RefusedAsync("InvalidInput", 400, "CreateOpenIDConnectProvider", ("Url", "https://thumb.example"), ("ThumbprintList.member.1", new string('z', 40)));
}

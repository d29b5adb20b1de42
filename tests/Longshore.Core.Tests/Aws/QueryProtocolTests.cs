using System.Text;
using System.Xml.Linq;
using FsCheck;
using FsCheck.Fluent;
using Longshore.Core.Aws;
using Longshore.Core.Aws.Sts;

namespace Longshore.Core.Tests.Aws;

public sealed class QueryProtocolTests
{
    [Fact]
    public void A_form_becomes_a_record()
    {
        var form = Parse(
            "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr&RoleSessionName=me&DurationSeconds=900"
            + "&Tags.member.1.Key=a+b&Tags.member.1.Value=%C3%A9&Tags.member.2.Key=c&Tags.member.2.Value="
            + "&TransitiveTagKeys.member.1=a&PolicyArns.member.1.arn=arn:aws:iam::aws:policy/x&Unknown.member.7=x&ProvidedContexts=");
        Assert.Equal("AssumeRole", form.Action);
        Assert.Equal(StsOperations.ApiVersion, form.Version);
        Assert.True(StsOperations.AssumeRole.TryReadInput(form, out var request, out _));
        Assert.Equal("arn:aws:iam::123456789012:role/r", request.RoleArn);
        Assert.Equal(900, request.DurationSeconds);
        Assert.Equal([new Tag { Key = "a b", Value = "é" }, new Tag { Key = "c", Value = "" }], request.Tags!);
        Assert.Equal(["a"], request.TransitiveTagKeys!);
        Assert.Equal("arn:aws:iam::aws:policy/x", request.PolicyArns![0].Arn);
        Assert.Empty(request.ProvidedContexts!);
        Assert.Null(request.Policy);
    }

    [Theory]
    [InlineData("DurationSeconds=9x")]
    [InlineData("DurationSeconds=99999999999")]
    [InlineData("DurationSeconds=٣")]
    [InlineData("PolicyArns.member.2.arn=x")]
    [InlineData("PolicyArns.member.1.arn=x&PolicyArns.member.3.arn=x")]
    [InlineData("PolicyArns.member.01.arn=x")]
    [InlineData("PolicyArns.1.arn=x")]
    [InlineData("PolicyArns=x")]
    [InlineData("PolicyArns.member=x")]
    [InlineData("PolicyArns.member.1.arn=x&PolicyArns.other=x")]
    public void Malformed_numbers_and_lists_are_errors(string body)
    {
        Assert.False(StsOperations.AssumeRole.TryReadInput(Parse(body), out var request, out var error));
        Assert.Null(request);
        Assert.NotEmpty(error);
    }

    [Theory]
    [InlineData("a=1&a=2")]
    [InlineData("a=%")]
    [InlineData("a=%4")]
    [InlineData("a=%zz")]
    [InlineData("a=%+1")]
    [InlineData("a=%C3%28")]
    [InlineData("=x")]
    public void Malformed_forms_are_errors(string body)
    {
        Assert.False(QueryForm.TryParse(Encoding.UTF8.GetBytes(body), out _, out var error));
        Assert.NotEmpty(error);
    }

    [Fact]
    public void Forms_are_bounded()
    {
        Assert.False(QueryForm.TryParse(Encoding.UTF8.GetBytes(string.Join('&', Enumerable.Range(0, 1001).Select(i => $"a{i}=1"))), out _, out _));
        Assert.False(QueryForm.TryParse(Encoding.UTF8.GetBytes(new string('.', 100_000) + "=1"), out _, out _));
    }

    [Fact]
    public void Random_forms_never_throw() =>
        Prop.ForAll<byte[]>(bytes =>
        {
            if (QueryForm.TryParse(bytes, out var form, out _)) StsOperations.AssumeRole.TryReadInput(form, out _, out _);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_reply_is_the_documented_xml()
    {
        var xml = StsOperations.AssumeRole.WriteOutput(
            new AssumeRoleResponse
            {
                Credentials = new Credentials { AccessKeyId = "ASIA", Expiration = new DateTimeOffset(2011, 7, 15, 23, 28, 33, 359, TimeSpan.Zero) },
                PackedPolicySize = 6,
            },
            "request-1");
        Assert.Equal(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId>"
            + "<Expiration>2011-07-15T23:28:33.359Z</Expiration></Credentials><PackedPolicySize>6</PackedPolicySize></AssumeRoleResult>"
            + "<ResponseMetadata><RequestId>request-1</RequestId></ResponseMetadata></AssumeRoleResponse>",
            xml);
    }

    [Fact]
    public void Any_text_gives_well_formed_xml() =>
        Prop.ForAll<string>(text =>
        {
            var reply = XDocument.Parse(StsOperations.GetCallerIdentity.WriteOutput(new GetCallerIdentityResponse { Arn = text }, "r"), LoadOptions.PreserveWhitespace);
            if (text is not null && text.All(c => c is (>= ' ' and < '\uD800') or '\t' or '\n' or '\r'))
                Assert.Equal(text, reply.Descendants().Single(element => element.Name.LocalName == "Arn").Value);
            XDocument.Parse(QueryXmlWriter.Error(StsOperations.XmlNamespace, "AccessDenied", false, text ?? "", "r\u0000\uD800"));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void An_error_tells_type_code_and_message() =>
        Assert.Equal(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>AccessDenied</Code>"
            + "<Message>a &lt; b</Message></Error><RequestId>r</RequestId></ErrorResponse>",
            QueryXmlWriter.Error(StsOperations.XmlNamespace, "AccessDenied", isServerFault: false, "a < b", "r"));

    private static QueryForm Parse(string body)
    {
        Assert.True(QueryForm.TryParse(Encoding.UTF8.GetBytes(body), out var form, out var error), error);
        return form;
    }
}

using System.Text;
using System.Text.Json;
using Longshore.Core.Aws;
using Longshore.Core.Aws.Ecr;
using Longshore.Core.Aws.EcrPublic;
using Longshore.Core.Aws.Sts;

namespace Longshore.Core.Tests.Aws;

public sealed class OperationTableTests
{
    [Fact]
    public void Every_operation_of_the_models_is_listed()
    {
        Assert.Equal(58, EcrOperations.All.Count);
        Assert.Equal(23, EcrPublicOperations.All.Count);
        Assert.Equal(11, StsOperations.All.Count);
        Assert.Same(EcrOperations.PutImage, EcrOperations.All["PutImage"]);
        Assert.False(EcrOperations.All.ContainsKey("putimage"));
        Assert.Equal(typeof(Core.Aws.Ecr.PutImageRequest), EcrOperations.PutImage.InputType);
    }

    [Fact]
    public void Errors_know_status_and_fault()
    {
        Assert.Equal(new AwsErrorShape("ServerException", "ServerException", 500, true), EcrErrorShapes.ServerException);
        Assert.Equal(new AwsErrorShape("RepositoryNotFoundException", "RepositoryNotFoundException", 400, false), EcrErrorShapes.RepositoryNotFoundException);
        Assert.Equal(new AwsErrorShape("IDPRejectedClaimException", "IDPRejectedClaim", 403, false), StsErrorShapes.IDPRejectedClaimException);
        Assert.Contains(EcrErrorShapes.ImageTagAlreadyExistsException, EcrOperations.PutImage.Errors);
    }

    [Fact]
    public void Error_bodies_carry_their_type()
    {
        var body = AwsJson.Serialize(
            new Core.Aws.Ecr.InvalidLayerPartExceptionBody { Message = "no", LastValidByteReceived = 7 }, EcrJsonContext.Wire.InvalidLayerPartExceptionBody);
        Assert.Equal("""{"__type":"InvalidLayerPartException","lastValidByteReceived":7,"message":"no"}""", Encoding.UTF8.GetString(body));
        var plain = AwsJson.Serialize(new AwsErrorBody { ErrorType = "X", Message = "y" }, EcrJsonContext.Wire.AwsErrorBody);
        Assert.Equal("""{"__type":"X","message":"y"}""", Encoding.UTF8.GetString(plain));
    }

    [Fact]
    public void Only_federated_sign_in_is_anonymous() =>
        Assert.Equal(
            ["AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"],
            StsOperations.All.Values.Where(operation => operation.IsAnonymous).Select(operation => operation.Name).Order(StringComparer.Ordinal));

    [Fact]
    public void Every_message_can_be_written_and_read_by_its_context()
    {
        foreach (var operation in EcrOperations.All.Values)
            foreach (var type in new[] { operation.InputType, operation.OutputType })
                RoundTrip(EcrJsonContext.Wire, type);
        foreach (var operation in EcrPublicOperations.All.Values)
            foreach (var type in new[] { operation.InputType, operation.OutputType })
                RoundTrip(EcrPublicJsonContext.Wire, type);

        static void RoundTrip(System.Text.Json.Serialization.JsonSerializerContext context, Type type)
        {
            var value = JsonSerializer.Deserialize("{}"u8, type, context);
            Assert.Equal("{}", JsonSerializer.Serialize(value, type, context));
        }
    }
}

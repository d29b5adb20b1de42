using Longshore.Core;
using Longshore.Core.Aws;
using Longshore.Core.Aws.Ecr;
using Longshore.Core.Aws.EcrPublic;
using Longshore.Core.Aws.Sts;
using Longshore.Server.Aws;
using Longshore.Server.Ecr;
using Longshore.Server.EcrPublic;
using Longshore.Server.Hosting;
using Longshore.Server.Sts;
using Longshore.TestSupport.Processes;
using Microsoft.Extensions.DependencyInjection;

namespace Longshore.Server.Tests.Ecr;

public sealed class EcrOperationTableTests
{
    [Fact]
    public void Every_operation_of_the_models_has_one_entry()
    {
        Assert.Equal(EcrOperations.All.Keys.Order(StringComparer.Ordinal), EcrOperationTable.All.Select(entry => entry.Operation.Name));
        Assert.Equal(58, EcrOperationTable.All.Count);
        Assert.Equal(23, EcrPublicOperations.All.Count);
        Assert.All(EcrPublicOperations.All, operation => Assert.Same(operation.Value, EcrPublicFace.Find(operation.Key)));
        Assert.Equal(11, StsOperations.All.Count);
        Assert.All(StsFace.Offered, operation => Assert.Same(operation, StsOperations.All[operation.Name]));
    }

    [Fact]
    public async Task Every_handler_stands_at_its_operation_and_declares_its_action()
    {
        using var directory = new TemporaryDirectory("data");
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddLongshore(new ServeOptions { Data = directory.Path });
        await using var provider = services.BuildServiceProvider();
        var face = provider.GetRequiredService<EcrFace>();
        foreach (var entry in EcrOperationTable.All)
        {
            var bound = face.Find(entry.Operation.Name);
            Assert.NotNull(bound);
            Assert.Equal(entry.Create is null, bound.Handler is null);
            if (bound.Handler is not { } handler) continue;
            Assert.Same(entry.Operation, handler.Operation);
            Assert.Equal("ecr:" + entry.Operation.Name, handler.Action);
        }
    }

    [Fact]
    public void An_operation_that_is_not_offered_answers_a_clients_error_of_its_own_model()
    {
        foreach (var operation in EcrOperations.All.Values.Concat(EcrPublicOperations.All.Values).Concat(StsOperations.All.Values))
        {
            var shape = NotOffered.ErrorOf(operation);
            Assert.False(shape.IsServerFault);
            Assert.InRange(shape.HttpStatus, 400, 499);
            if (operation.Errors.Count > 0) Assert.Contains(shape, operation.Errors);
        }
    }

    [Fact]
    public void Every_error_code_has_a_wire_form()
    {
        foreach (var code in Enum.GetValues<ErrorCode>())
        {
            var shape = EcrErrors.Map(code);
            Assert.True(EcrErrorShapes.All.Values.Contains(shape) || CommonErrors.All.Contains(shape), code.ToString());
        }
    }

    [Fact]
    public void An_offered_operation_answers_only_errors_of_its_model_or_common_ones()
    {
        foreach (var operation in EcrOperationTable.All.Where(entry => entry.Create is not null).Select(entry => entry.Operation))
        {
            foreach (var code in Enum.GetValues<ErrorCode>())
            {
                AwsErrorShape shape = EcrErrors.ShapeFor(operation, code);
                Assert.True(operation.Errors.Contains(shape) || CommonErrors.All.Contains(shape), $"{operation} {code}: {shape.Name}");
            }
        }
    }
}

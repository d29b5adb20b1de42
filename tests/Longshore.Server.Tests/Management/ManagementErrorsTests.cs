using Longshore.Core;
using Longshore.Server.Management;

namespace Longshore.Server.Tests.Management;

public sealed class ManagementErrorsTests
{
    [Fact]
    public void Every_error_code_has_a_failing_status() =>
        Assert.All(Enum.GetValues<ErrorCode>(), code => Assert.InRange(ManagementErrors.Status(code), 400, 599));
}

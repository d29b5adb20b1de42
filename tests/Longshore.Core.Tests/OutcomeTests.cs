namespace Longshore.Core.Tests;

public sealed class OutcomeTests
{
    [Fact]
    public void A_value_is_a_success()
    {
        Outcome<string> outcome = "value";
        Assert.True(outcome.Succeeded);
        Assert.Null(outcome.Error);
        Assert.Equal("value", outcome.Value);
        Assert.True(outcome.TryGet(out var value, out var error));
        Assert.Equal("value", value);
        Assert.Null(error);
    }

    [Fact]
    public void An_error_is_a_failure_whose_value_throws()
    {
        var denied = new RegistryError(ErrorCode.Denied, "Not you.");
        Outcome<string> outcome = denied;
        Assert.False(outcome.Succeeded);
        Assert.Same(denied, outcome.Error);
        Assert.Contains("Denied: Not you.", Assert.Throws<InvalidOperationException>(() => outcome.Value).Message, StringComparison.Ordinal);
        Assert.False(outcome.TryGet(out _, out var error));
        Assert.Same(denied, error);
    }

    [Fact]
    public void A_default_value_is_a_success_too()
    {
        Outcome<Done> done = Done.Value;
        Assert.True(done.Succeeded);
        Outcome<int> zero = 0;
        Assert.True(zero.TryGet(out var value, out _));
        Assert.Equal(0, value);
    }
}

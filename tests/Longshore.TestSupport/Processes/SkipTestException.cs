namespace Longshore.TestSupport.Processes;

/// <summary>
/// Makes xunit.v3 report the running test as skipped. Recognised by the start of its message, which is xunit's contract for
/// libraries that do not reference it (benchmarks use this project too).
/// </summary>
public sealed class SkipTestException(string reason) : Exception("$XunitDynamicSkip$" + reason);

using Longshore.Core;

namespace Longshore.Server.Access;

/// <summary>
/// Where calls leave their records. The gate asks for admission once it has allowed a call that changes something: its record is begun
/// before the call does anything, and the answer waits until that beginning is on disk.
/// </summary>
internal interface ICallTrail
{
    /// <summary>Begins the record of a call that changes something. Does nothing for calls that only read, and for a request that was admitted already.</summary>
    /// <param name="record">What is known of the call by now: who, what, where.</param>
    /// <param name="http">The request; its answer is held back until the beginning is durable.</param>
    /// <param name="cancellationToken">Ends with the request.</param>
    /// <returns>Null when the call may go on; <see cref="ErrorCode.StorageFull"/> when its record cannot be kept: then it must not.</returns>
    ValueTask<RegistryError?> AdmitAsync(CallRecord record, HttpContext http, CancellationToken cancellationToken);
}

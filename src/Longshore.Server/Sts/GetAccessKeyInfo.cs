using System.Text.Json;
using Longshore.Core.Aws.Sts;
using Longshore.Server.Access;
using Longshore.Storage.Metadata;

namespace Longshore.Server.Sts;

/// <summary>GetAccessKeyInfo: the account that an access key id belongs to, whether the key is enabled or not. Ids of sessions tell it themselves.</summary>
internal sealed class GetAccessKeyInfo(AccessGate gate, IDatabase database)
    : StsHandler<GetAccessKeyInfoRequest, GetAccessKeyInfoResponse>(StsOperations.GetAccessKeyInfo)
{
    protected override void Describe(GetAccessKeyInfoRequest input, Utf8JsonWriter writer) => writer.Text("accessKeyId", input.AccessKeyId);

    protected override async ValueTask<StsOutcome<GetAccessKeyInfoResponse>> HandleAsync(GetAccessKeyInfoRequest input, StsCall call, CancellationToken cancellationToken)
    {
        var request = new AccessRequest(call.Http, call.Caller, "sts:GetAccessKeyInfo", call.Caller.Registry, null) { Resource = "*" };
        if (await gate.CheckAsync(request, cancellationToken) is { } denied) return StsError.Denied(denied.Message);
        var account = SessionCredentials.AccountOf(input.AccessKeyId!) ?? await FindAsync(input.AccessKeyId!, cancellationToken);
        return account is null ? StsError.Validation("The access key id is not one of this server's.") : new GetAccessKeyInfoResponse { Account = account };
    }

    private ValueTask<string?> FindAsync(string accessKeyId, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryFirstAsync(
            "SELECT p.account FROM access_keys k JOIN principals p ON p.id = k.principal_id WHERE k.access_key_id = @id",
            static row => row.GetString(0),
            ("@id", accessKeyId)),
        cancellationToken);
}

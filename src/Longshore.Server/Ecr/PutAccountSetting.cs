using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Core.Policies;
using Longshore.Server.Access;
using Longshore.Server.RegistrySettings;

namespace Longshore.Server.Ecr;

/// <summary>PutAccountSetting.</summary>
internal sealed class PutAccountSetting(AccountSettings settings) : EcrHandler<PutAccountSettingRequest, PutAccountSettingResponse>(EcrOperations.PutAccountSetting)
{
    protected override Outcome<EcrTarget> Locate(PutAccountSettingRequest input, RegistryId home) => EcrTarget.OfRegistry(home);

    protected override AccessRequest Describe(PutAccountSettingRequest input, in AccessRequest request) =>
        request with { Conditions = new ConditionValues().Add("ecr:AccountSetting", input.Name ?? "") };

    protected override async ValueTask<Outcome<PutAccountSettingResponse>> HandleAsync(PutAccountSettingRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var put = await settings.PutAsync(target.Registry, input.Name!, input.Value!, cancellationToken);
        return put.TryGet(out _, out var error) ? new PutAccountSettingResponse { Name = input.Name, Value = input.Value } : error;
    }
}

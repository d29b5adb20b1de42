using Longshore.Core;
using Longshore.Core.Aws.Ecr;
using Longshore.Core.Policies;
using Longshore.Server.Access;
using Longshore.Server.RegistrySettings;

namespace Longshore.Server.Ecr;

/// <summary>GetAccountSetting: the value, or the default when none was put.</summary>
internal sealed class GetAccountSetting(AccountSettings settings) : EcrHandler<GetAccountSettingRequest, GetAccountSettingResponse>(EcrOperations.GetAccountSetting)
{
    protected override Outcome<EcrTarget> Locate(GetAccountSettingRequest input, RegistryId home) => EcrTarget.OfRegistry(home);

    protected override AccessRequest Describe(GetAccountSettingRequest input, in AccessRequest request) =>
        request with { Conditions = new ConditionValues().Add("ecr:AccountSetting", input.Name ?? "") };

    protected override async ValueTask<Outcome<GetAccountSettingResponse>> HandleAsync(GetAccountSettingRequest input, EcrTarget target, EcrCall call, CancellationToken cancellationToken)
    {
        var found = await settings.GetAsync(target.Registry, input.Name!, cancellationToken);
        return found.TryGet(out var value, out var error) ? new GetAccountSettingResponse { Name = input.Name, Value = value } : error;
    }
}

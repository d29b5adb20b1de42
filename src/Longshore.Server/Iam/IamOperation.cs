using Longshore.Core.Aws;
using Longshore.Server.Access;

namespace Longshore.Server.Iam;

/// <summary>An answer: its document, and the record that it was written from, for the trail.</summary>
internal sealed record IamReply(string Document, object Output);

/// <summary>What a call does, before it is done: the parsed input with its resource and its work.</summary>
internal abstract class IamCall
{
    /// <summary>The operation.</summary>
    public required IamOperation Operation { get; init; }

    /// <summary>The input, for the record of the call.</summary>
    public required object Input { get; init; }

    /// <summary>What the action is about.</summary>
    public abstract ValueTask<IamOutcome<IamTarget>> TargetAsync(IamDatabase database, Principal caller, CancellationToken cancellationToken);

    /// <summary>Does it: the answer, or the error.</summary>
    public abstract ValueTask<IamOutcome<IamReply>> RunAsync(IamDatabase database, Principal caller, string requestId, CancellationToken cancellationToken);
}

/// <summary>One operation of IAM: its wire form, whether it changes anything, what it is about and its work.</summary>
internal abstract class IamOperation
{
    /// <summary>The operation of the model.</summary>
    public abstract AwsOperation Wire { get; }

    /// <summary>Whether it changes nothing.</summary>
    public required bool ReadOnly { get; init; }

    /// <summary>The IAM action that it needs.</summary>
    public string Action => "iam:" + Wire.Name;

    /// <summary>Reads and checks an input.</summary>
    public abstract IamOutcome<IamCall> Read(QueryForm form);

    /// <summary>An operation that looks something up.</summary>
    /// <param name="wire">The operation of the model.</param>
    /// <param name="resource">The ARN that the action is about.</param>
    /// <param name="work">The work.</param>
    public static IamOperation Reads<TInput, TOutput>(
        QueryOperation<TInput, TOutput> wire,
        Func<IamContext, TInput, ValueTask<string>> resource,
        Func<IamContext, TInput, ValueTask<IamOutcome<TOutput>>> work)
        where TInput : class
        where TOutput : class => new Typed<TInput, TOutput>(wire, resource, work) { ReadOnly = true };

    /// <summary>An operation that changes something.</summary>
    /// <inheritdoc cref="Reads"/>
    public static IamOperation Writes<TInput, TOutput>(
        QueryOperation<TInput, TOutput> wire,
        Func<IamContext, TInput, ValueTask<string>> resource,
        Func<IamContext, TInput, ValueTask<IamOutcome<TOutput>>> work)
        where TInput : class
        where TOutput : class => new Typed<TInput, TOutput>(wire, resource, work) { ReadOnly = false };

    private sealed class Typed<TInput, TOutput>(
        QueryOperation<TInput, TOutput> wire,
        Func<IamContext, TInput, ValueTask<string>> resource,
        Func<IamContext, TInput, ValueTask<IamOutcome<TOutput>>> work) : IamOperation
        where TInput : class
        where TOutput : class
    {
        public override AwsOperation Wire => wire;

        public override IamOutcome<IamCall> Read(QueryForm form)
        {
            if (!wire.TryReadInput(form, out var input, out var malformed)) return new IamError(MalformedInput, malformed);
            var violations = wire.Validate(input);
            return violations.Count > 0 ? IamError.Validation(ConstraintMessages.ValidationError(violations)) : new Call(this, input) { Operation = this, Input = input };
        }

        private sealed class Call(Typed<TInput, TOutput> operation, TInput input) : IamCall
        {
            public override ValueTask<IamOutcome<IamTarget>> TargetAsync(IamDatabase database, Principal caller, CancellationToken cancellationToken) =>
                database.ReadAsync<IamTarget>(
                    caller.Account, caller, async context => await IamTarget.OfAsync(context, input, await operation.Resource(context, input)), cancellationToken);

            public override async ValueTask<IamOutcome<IamReply>> RunAsync(IamDatabase database, Principal caller, string requestId, CancellationToken cancellationToken)
            {
                var outcome = operation.ReadOnly
                    ? await database.ReadAsync(caller.Account, caller, context => operation.Work(context, input), cancellationToken)
                    : await database.WriteAsync(caller.Account, caller, context => operation.Work(context, input), cancellationToken);
                return outcome.TryGet(out var output, out var error) ? new IamReply(operation.Write(output, requestId), output) : error;
            }
        }

        private ValueTask<string> Resource(IamContext context, TInput input) => resource(context, input);

        private ValueTask<IamOutcome<TOutput>> Work(IamContext context, TInput input) => work(context, input);

        private string Write(TOutput output, string requestId) => wire.WriteOutput(output, requestId);
    }

    private static readonly AwsErrorShape MalformedInput = new("MalformedInput", "MalformedInput", StatusCodes.Status400BadRequest, false);
}

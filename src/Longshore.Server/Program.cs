using Longshore.Server.Commands;

return await LongshoreCommand.RunAsync(args, Console.Out, Console.Error, CancellationToken.None);

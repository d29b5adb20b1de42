using System.Globalization;
using System.Text.Json;
using Longshore.Generator;
using Longshore.Storage.Metadata;

// longshore-generate registry DATABASE REPOSITORIES IMAGES WIDE SAMPLES SAMPLEFILE BODIES
// longshore-generate leftovers|uploads DATABASE COUNT
// longshore-generate policies|clear DATABASE
// DATABASE is a file (SQLite) or postgres://…; the last line of output is JSON.
if (args.Length < 2)
{
    Console.Error.WriteLine("bench/scale runs this; see there.");
    return 2;
}

var time = TimeProvider.System;
var now = time.GetUtcNow().ToDatabase();
var address = args[1].StartsWith("postgres", StringComparison.Ordinal)
    ? PostgresAddress.Parse(args[1], out var problem) ?? throw new ArgumentException(problem)
    : null;
await using var database = address is null ? (IDatabase)SqliteDatabase.Open(args[1]) : PostgresDatabase.Open(address, time);
if (address is null)
{
    // Indexes over digests are written in no order: what fits into the cache is written once.
    await database.WriteAsync(Durability.Relaxed, static session => session.QueryFirstAsync("PRAGMA cache_size=-4000000", static _ => 0), CancellationToken.None);
}

var begun = time.GetTimestamp();
switch (args[0])
{
    case "registry":
        var registry = new Registry(database, new Plan(Number(2), Number(3), Number(4), Number(5), now), args[7]);
        await File.WriteAllLinesAsync(args[6], await registry.WriteAsync(CancellationToken.None));
        Console.WriteLine(JsonSerializer.Serialize(new { seconds = time.GetElapsedTime(begun).TotalSeconds, rows = registry.Counts }));
        return 0;
    case "leftovers":
        await Chores.AddLeftoversAsync(database, Number(2), now, CancellationToken.None);
        break;
    case "uploads":
        await Chores.AddUploadsAsync(database, Number(2), now, CancellationToken.None);
        break;
    case "policies":
        await Chores.AddPoliciesAsync(database, now, CancellationToken.None);
        break;
    case "clear":
        await Chores.ClearPoliciesAsync(database, CancellationToken.None);
        break;
    default:
        Console.Error.WriteLine($"There is no '{args[0]}'.");
        return 2;
}

Console.WriteLine(JsonSerializer.Serialize(new { seconds = time.GetElapsedTime(begun).TotalSeconds }));
return 0;

int Number(int index) => int.Parse(args[index], CultureInfo.InvariantCulture);

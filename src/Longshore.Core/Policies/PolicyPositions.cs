using System.Text.Json;

namespace Longshore.Core.Policies;

/// <summary>Finds where the statements of a document begin and end (IAM SimulatePrincipalPolicy tells it).</summary>
internal static class PolicyPositions
{
    /// <summary>Sets the positions. The document is known to be a well-formed policy.</summary>
    public static void Set(ReadOnlySpan<byte> text, IReadOnlyList<PolicyStatement> statements)
    {
        var reader = new Utf8JsonReader(text);
        var (inStatements, next, line, lineStart, scanned) = (false, 0, 1, 0L, 0L);
        while (reader.Read() && next < statements.Count)
        {
            if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == 1) inStatements = reader.ValueTextEquals("Statement"u8);
            if (!inStatements || reader.TokenType != JsonTokenType.StartObject || reader.CurrentDepth > 2) continue;
            statements[next].Start = Position(text, reader.TokenStartIndex, ref line, ref lineStart, ref scanned);
            reader.Skip();
            statements[next].End = Position(text, reader.BytesConsumed, ref line, ref lineStart, ref scanned);
            next++;
        }
    }

    private static PolicyPosition Position(ReadOnlySpan<byte> text, long offset, ref int line, ref long lineStart, ref long scanned)
    {
        for (; scanned < offset; scanned++)
        {
            if (text[(int)scanned] != (byte)'\n') continue;
            line++;
            lineStart = scanned + 1;
        }

        return new PolicyPosition(line, (int)(offset - lineStart) + 1);
    }
}

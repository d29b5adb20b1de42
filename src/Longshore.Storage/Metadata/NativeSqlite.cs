using System.Reflection;
using System.Runtime.InteropServices;
using SQLitePCL;

namespace Longshore.Storage.Metadata;

/// <summary>
/// Binds to the operating system's SQLite (Debian's libsqlite3-0, security fixes backported) instead of a bundled one
/// that nobody patches. See docs/dependencies.md.
/// </summary>
internal static class NativeSqlite
{
    private static readonly Lazy<bool> Loaded = new(Load);

    /// <summary>Makes SQLite usable, once per process.</summary>
    /// <exception cref="DllNotFoundException">The library is not installed; the message says what to install.</exception>
    public static void EnsureLoaded() => _ = Loaded.Value;

    private static bool Load()
    {
        NativeLibrary.SetDllImportResolver(typeof(SQLite3Provider_e_sqlite3).Assembly, Resolve);
        raw.SetProvider(new SQLite3Provider_e_sqlite3());
        return true;
    }

    private static IntPtr Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != "e_sqlite3") return IntPtr.Zero;
        return NativeLibrary.TryLoad("libsqlite3.so.0", out var handle)
            ? handle
            : throw new DllNotFoundException("libsqlite3.so.0 is not installed. On Debian or Ubuntu: apt-get install libsqlite3-0");
    }
}

using FsCheck;
using FsCheck.Fluent;
using Longshore.Core;
using Longshore.Storage.Blobs;

namespace Longshore.Storage.Tests.Blobs;

public sealed class BlobLayoutTests
{
    private static readonly Config Quiet = Config.QuickThrowOnFailure.WithMaxTest(1000).WithQuietOnSuccess(true);

    [Fact]
    public void Every_location_made_is_one() =>
        Prop.ForAll<byte[], long, bool>((bytes, number, sha512) =>
        {
            var digest = Digest.Compute(bytes, sha512 ? DigestAlgorithm.Sha512 : DigestAlgorithm.Sha256);
            return BlobLayout.IsLocation(BlobLayout.Location(digest, number & long.MaxValue));
        }).Check(Quiet);

    [Fact]
    public void A_changed_location_that_is_still_one_stays_in_its_directory() =>
        Prop.ForAll(
            Gen.Choose(0, 73).Zip(Gen.Elements("/.-0a1gA\0\n é%\\~".ToCharArray())).ToArbitrary(),
            change =>
            {
                var location = BlobLayout.Location(Digest.Compute([1]), 42).ToCharArray();
                location[change.Item1] = change.Item2;
                var text = new string(location);
                if (!BlobLayout.IsLocation(text)) return true;
                var path = new BlobLayout("/r").Body(text);
                return path == Path.GetFullPath(path) && path.Count(c => c == '/') == 4 && path.StartsWith("/r/sha256/", StringComparison.Ordinal);
            }).Check(Quiet);

    [Fact]
    public void An_upload_key_is_a_plain_file_name_or_refused() =>
        Prop.ForAll<string>(key => !BlobLayout.IsUploadKey(key) || Path.GetFullPath("/r/" + key) == "/r/" + key).Check(Quiet);

    [Fact]
    public void A_negative_generation_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => BlobLayout.Location(Digest.Compute([1]), -1));
}

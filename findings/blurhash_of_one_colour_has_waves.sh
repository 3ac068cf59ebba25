#!/usr/bin/env bash
# blurhash 1.1.5 (Python), blurhash-python 1.2.2 (C) and blurhash-rs 2.0.0 (Rust), Pillow 13.0.0 (Python 3.11): the BlurHash of a
# picture of one colour.
#
# Guess:  a picture of one colour has a hash of that colour and no waves, whatever its size; the placeholder is as plain as the
#         picture. Encoding a small copy gives nearly the same hash in less time.
# Seen:   the hash of plain white has waves, and all three packages agree on them. The cosines are taken at the left and upper edges of the
#         pixels, not at their centres, so their sum over a picture is not zero, and what is left grows as the picture
#         shrinks: a placeholder of white goes down to 235 with 32 pixels a side, to 209 with 16. So the advice to shrink a picture
#         before it is hashed costs quality, and hashes of two sizes of one picture differ.
#
# Output seen (darkest and brightest pixel of the placeholder of plain white):
#   package           16 x 16     32 x 32     64 x 64   256 x 256
#   blurhash          209-255     235-255     245-255     253-255
#   blurhash-python   209-255     235-255     245-255     253-255
#   blurhash-rs       209-255     235-255     245-255     253-255
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf '%-15s' package
printf '%12s' '16 x 16' '32 x 32' '64 x 64' '256 x 256'
echo
status=0
for package in blurhash==1.1.5 blurhash-python==1.2.2 blurhash-rs==2.0.0; do  # two have the same module, so each in its own
    python3 -m venv "$folder/$package"
    "$folder/$package/bin/pip" install --quiet --disable-pip-version-check "$package" pillow==13.0.0
    "$folder/$package/bin/python" - "${package%%=*}" <<'PYTHON' || status=1
import sys

from PIL import Image

package = sys.argv[1]
if package == "blurhash-rs":
    import blurhash_rs

    def placeholder(picture):
        pixels = blurhash_rs.blurhash_decode(blurhash_rs.blurhash_encode(picture, 4, 3), 32, 32)
        return pixels.convert("L").getextrema()

elif package == "blurhash-python":
    import blurhash

    def placeholder(picture):
        return blurhash.decode(blurhash.encode(picture, 4, 3), 32, 32).convert("L").getextrema()

else:
    import blurhash

    def placeholder(picture):
        rows = [[(255, 255, 255)] * picture.width] * picture.height
        pixels = blurhash.decode(blurhash.encode(rows, 4, 3), 32, 32)
        values = [value for row in pixels for pixel in row for value in pixel]
        return min(values), max(values)


seen = {side: placeholder(Image.new("RGB", (side, side), "white")) for side in (16, 32, 64, 256)}
print(f"{package:15}" + "".join(f"{f'{low}-{high}':>12}" for low, high in seen.values()))
sys.exit(seen != {16: (209, 255), 32: (235, 255), 64: (245, 255), 256: (253, 255)})
PYTHON
done
exit "$status"

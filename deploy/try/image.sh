#!/usr/bin/env bash
# Puts together the file system of the image's last stage around a program that is built already, and runs it as the
# image would run: no network, a root that nobody may write, a user of its own. Needs root and no Docker.
#   deploy/try/image.sh target/release/synthfleet
set -euo pipefail
program=$(realpath "${1:?name the program}")
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
image=$work/image

install -D -m 0555 "$program" "$image/usr/bin/synthfleet"
strip "$image/usr/bin/synthfleet"
install -D -m 0444 /etc/ssl/certs/ca-certificates.crt "$image/etc/ssl/certs/ca-certificates.crt"
install -D -m 0444 "$here/../LICENSE" "$image/usr/share/licenses/synthfleet/LICENSE"
(cd "$here/.." && cargo xtask notices "$work/notices")
gzip -9 -n "$work/notices/THIRD-PARTY.txt"
install -D -m 0444 "$work/notices/THIRD-PARTY.txt.gz" "$image/usr/share/licenses/synthfleet/THIRD-PARTY.txt.gz"
install -D -m 0444 "$work/notices/sbom.cdx.json" "$image/usr/share/doc/synthfleet/sbom.cdx.json"
printf 'synthfleet:x:65532:65532::/scratch:/sbin/nologin\n' > "$image/etc/passwd"
printf 'synthfleet:x:65532:\n' > "$image/etc/group"
mkdir -p "$image/scratch" "$image/tmp" "$image/data" "$image/proc" "$image/dev"
recipe=$(grep -o ' /image/[^ ]*[A-Za-z]' "$here/Dockerfile" | sed 's|^ /image||' | grep -v -e '^/scratch$' -e '^/tmp$' | sort -u)
assembled=$(cd "$image" && find . -type f | sed 's|^\.||' | sort -u)
if [ "$recipe" != "$assembled" ]; then echo "FAILED: not what the recipe copies:"; diff <(echo "$recipe") <(echo "$assembled"); exit 1; fi

# a program for the C library of this machine needs what it names and nothing else
libraries=$(ldd "$program" 2>/dev/null | grep -o '/[^ ]*' | sort -u || true)
for library in $libraries; do
  install -D -m 0555 "$(realpath "$library")" "$image$library"
done
if [ -z "$libraries" ]; then echo "static"; else echo "libraries: $(echo "$libraries" | tr '\n' ' ')"; fi
echo "size: $(du -sm --apparent-size "$image" | cut -f 1) MB (aim: 70)"
(cd "$image" && find . -type f -size +100k -printf '  %s %p\n' | sort -rn | awk '{ printf "  %6.1f MB %s\n", $1 / 1e6, substr($2, 2) }')
echo "the program's largest parts:"
size -A "$image/usr/bin/synthfleet" | awk '$2 ~ /^[0-9]+$/ && $2 > 1e6 && $1 != "Total" { printf "  %6.1f MB %s\n", $2 / 1e6, $1 }' | sort -rn

{ echo "age,city,income"
  for row in $(seq 1 600); do echo "$((20 + row * 7 % 50)),town$((row % 5)),$((1000 + row * 13 % 900))"; done
} > "$work/x.csv"

# run OUT: the job as the image runs it, with its results below OUT
run() {
  # the variables are for the inner shell
  # shellcheck disable=SC2016
  unshare --mount --net --ipc --uts --pid --fork env -i PATH="$PATH" image="$image" work="$work" out="$1" bash -euc '
    mount --make-rprivate /
    mount --bind "$image" "$image"
    mount -t proc proc "$image/proc"
    mount -t tmpfs -o mode=0700,uid=65532,gid=65532,size=256m tmpfs "$image/scratch"
    mount -t tmpfs -o mode=1777,size=64m tmpfs "$image/tmp"
    mount -t tmpfs -o mode=0755,size=1m tmpfs "$image/data"
    cp "$work/x.csv" "$image/data/x.csv"
    mount -o remount,bind,ro "$image"
    cd "$image/scratch"
    code=0
    if chroot --userspec=65532:65532 "$image" /usr/bin/env 2>/dev/null; then echo "the image has more than the program"; exit 1; fi
    HOME=/scratch TMPDIR=/tmp chroot --userspec=65532:65532 "$image" \
      /usr/bin/synthfleet run /data/x.csv --preset quick -o "$out" || code=$?
    if [ "$code" = 0 ]; then test -s "$image$out/manifest.json"; fi
    exit "$code"
  '
}

run /scratch/out > "$work/good" 2>&1 || { cat "$work/good"; echo "FAILED: the job does not run in the image"; exit 1; }
if run /out > "$work/bad" 2>&1; then echo "FAILED: the root can be written"; exit 1; fi
echo "ok: runs without network, as 65532, and writes nothing but its mounts"

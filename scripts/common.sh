# Sourced by every script here: where things are, and which files are ours.
set -euo pipefail

# `--help` prints what the script says at its head; scripts/bench has a help of its own.
if [[ ${1:-} == @(-h|--help) && $0 != */bench ]]; then
  awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"
  exit
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

# Relative to the root, or absolute. Not TALC_…: the library warns about such names that it does not know.
build_dir=${BUILD_DIR:-build}
jobs=${JOBS:-$(nproc)}
libraries=(libtalc.so libtalc-hardened.so)

die() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# need TOOL…: ends what cannot be done without them; meson takes 77 for "skipped".
need() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || { echo "${0##*/}: skipped: no $tool; run scripts/setup"; exit 77; }
  done
}

# The version of this tree.
talc_version() {
  sed -n "s/^  version: '\(.*\)',$/\1/p" meson.build
}

# sources PATTERN…: our files whose names match, one per line, sorted.
sources() {
  local folder pattern
  for folder in lib interpose tests bench docs; do
    [[ -d $folder ]] || continue
    for pattern in "$@"; do
      find "$folder" -type f -name "$pattern"
    done
  done | sort
}

# exported_symbols m|j: what interpose/libtalc.abi lists, one per line as NAME or NAME@@NODE, then the version
# of talc that brought it. size_t is mangled `m`, or `j` on 32 bits.
exported_symbols() {
  awk '$1 == "symbol" { print $2, $3 }' interpose/libtalc.abi | sed -E "s/^(_Zn[wa]|_Zd[la]Pv)m/\1$1/"
}

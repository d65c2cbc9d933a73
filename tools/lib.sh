# Shared by the scripts in tools/: sourced, never run. Leaves the shell in the
# repository's root.
# shellcheck shell=bash
set -euo pipefail
script=$(realpath "$0")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# die MESSAGE [STATUS] ends the script with an error.
die() {
  echo "$(basename "$0"): error: $1" >&2
  exit "${2:-1}"
}

# help_if_asked "$@" prints the comment at the script's head on --help or -h.
help_if_asked() {
  case "${1:-}" in
    -h | --help)
      sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$script"
      exit 0
      ;;
  esac
}

# configure PRESET makes build/PRESET; what is missing is installed first.
configure() {
  local options=(-DCMAKE_EXPORT_COMPILE_COMMANDS=ON)
  tools/setup --quiet
  if command -v ccache >/dev/null; then
    options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  cmake --preset "$1" "${options[@]}" --log-level=WARNING
}

# own_sources GLOB... lists the tracked files that match and are still there.
own_sources() {
  git ls-files --deduplicate --cached --others --exclude-standard -- "$@" |
    while read -r file; do
      if [[ -f $file ]]; then echo "$file"; fi
    done
}

#!/usr/bin/env bash
# Usage: fuzz.sh FUZZTIME, in a module. Fuzzes every target of the module in
# turn and fails in the end if any found something.
set -euo pipefail
fuzztime=$1
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Prints "package target" for each; go test -list prints the targets of a
# package before the line that names it.
targets() {
	go test -list '^Fuzz' ./... |
		awk '/^Fuzz/ { t[n++] = $1 } /^ok/ { for (i = 0; i < n; i++) print $2, t[i]; n = 0 }'
}

# Go's fuzzing coordinator can report its own deadline as a failure when
# FUZZTIME ends on a busy machine (golang/go#75804). A real finding names the
# failing input or says what went wrong besides.
only_deadline() {
	grep -q '^ *context deadline exceeded$' "$log" && ! grep -qiE 'failing input|panic|fatal error|\.go:[0-9]' "$log"
}

failed=()
while read -r pkg target; do
	printf '== %s %s\n' "$pkg" "$target"
	if go test -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" "$pkg" </dev/null 2>&1 | tee "$log"; then
		continue
	elif only_deadline; then
		echo "(the time was up: not a finding)"
	else
		failed+=("$pkg.$target")
	fi
done < <(targets)

if [ ${#failed[@]} -gt 0 ]; then
	printf 'fuzzing failed: %s\n' "${failed[@]}" >&2
	exit 1
fi

#!/usr/bin/env bash
# Usage: test-servers.sh SERVER... -- [go test flags]
#
# Runs what talks to Redis against each of the servers that redis.sh knows, alone
# and as Cluster, Sentinel and replicas, and ends with a table of the results.
# The race lab runs in its short form: ROUNDS of each race, and a few faults.
# PACKAGES names the packages, where it is not to be all of them.
set -euo pipefail
cd "$(dirname "$0")/.."
read -ra packages <<<"${PACKAGES:-store cacheable evict session ratelimit consistency internal/acltest}"
# What redistest.Each runs without a server, at whatever depth: make test does that.
skip='.*/^miniredis$|.*/.*/^miniredis$|.*/.*/.*/^miniredis$'

rounds=${ROUNDS:-40}

servers=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	servers+=("$1")
	shift
done
shift || true # the --; what is left are flags
if [ ${#servers[@]} -eq 0 ]; then
	echo "test-servers.sh: which servers?" >&2
	exit 1
fi

# All before the first test: what cannot be fetched is to be known at once.
folders=()
for server in "${servers[@]}"; do folders+=("$(tools/redis.sh "$server")"); done

# go test says "ok PACKAGE 1.5s", "FAIL PACKAGE 1.5s" or "FAIL PACKAGE [build failed]", with tabs.
row() { # package
	awk -F '\t' -v OFS='\t' -v server="$server" -v version="$version" -v package="$1" '
		$1 ~ /^(ok|FAIL)/ && $2 ~ "/" package "( \\[|$)" {
			result = /no tests to run/ ? "no tests" : $1
			seconds = $3
		}
		END {
			sub(/ +$/, "", result)
			print server, version, package, result == "" ? "no result" : result, sprintf("%.0f", seconds)
		}' "$log"
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
table=$'SERVER\tVERSION\tPACKAGE\tRESULT\tSECONDS\n'
failed=

for i in "${!servers[@]}"; do
	server=${servers[i]}
	export PATH="${folders[i]}:$PATH" ASIDE_REQUIRE_REDIS=1
	version=$(redis-server --version | sed 's/.* v=\([^ ]*\).*/\1/')
	printf '\n== %s %s\n' "$server" "$version"

	go test -count=1 -skip "$skip" "$@" "${packages[@]/#/./}" 2>&1 | tee "$log" || failed=1
	go -C bench test -count=1 -skip "$skip" "$@" ./racelab -rounds "$rounds" 2>&1 | tee -a "$log" || failed=1

	for package in "${packages[@]}" racelab; do table+=$(row "$package")$'\n'; done
	# The names without their times, so that they can be given to -run.
	failures=$(sed -n 's/^ *--- FAIL: \([^ ]*\).*/\1/p' "$log" | sed 's/^/  /')
	if [ -n "$failures" ]; then summary=${summary-}$'\n'"failed on $server:"$'\n'$failures; fi
done

echo
awk -F '\t' '{ printf "%-10s %-8s %-16s %-10s %7s\n", $1, $2, $3, $4, $5 }' <<<"${table%$'\n'}"
if [ -n "$failed" ]; then
	printf '%s\n' "${summary-}" >&2
	exit 1
fi

#!/usr/bin/env bash
# Usage: redis.sh redis-6.0 | redis-7 | redis-8 | valkey-8 | valkey-9
#
# Prints a folder in which redis-server is that server, for the front of PATH.
# What is not there yet comes from the packages of a Debian release, into
# .cache/redis. That needs apt, but neither root nor that release: a server runs
# under its own release's loader and libraries, and the system stays as it is.
#
# The mirror is one that this machine's apt uses; DEBIAN_MIRROR names another.
set -euo pipefail
cache=$(cd "$(dirname "$0")/.." && pwd)/.cache/redis
name=${1-}

fail() {
	printf 'redis.sh: %s\n' "$@" >&2
	exit 1
}

# The release, its packages that are worth having (one download of lists serves
# both of forky), the program, and how it begins to tell its version.
case $name in
redis-6.0) suite=bullseye packages=(redis-server) program=redis-server is='Redis server v=6.0.' ;;
redis-7) suite=bookworm packages=(redis-server) program=redis-server is='Redis server v=7.' ;;
redis-8) suite=forky packages=(redis-server valkey-server) program=redis-server is='Redis server v=8.' ;;
valkey-8) suite=trixie packages=(valkey-server) program=valkey-server is='Valkey server v=8.' ;;
valkey-9) suite=forky packages=(redis-server valkey-server) program=valkey-server is='Valkey server v=9.' ;;
*) fail "which server? redis-6.0, redis-7, redis-8, valkey-8 or valkey-9" ;;
esac
folder=$cache/$suite/$program

# Whoever comes second waits, and then finds what the first has fetched.
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

tmp=$(mktemp -d "$cache/tmp.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

# A Redis 7 that is installed need not be fetched. It gets a folder of its own,
# because the one it is in may have another go in it.
if [ "$name" = redis-7 ] && installed=$(command -v redis-server) && [[ $("$installed" --version) == "$is"* ]]; then
	folder=$cache/installed
	mkdir -p "$folder"
	ln -sfn "$installed" "$folder/redis-server"
fi

# apt with this machine's settings, but with lists, packages and sources in $tmp.
# What the settings run after an update is for the system's packages.
private_apt() {
	apt-get -q -c "$tmp/apt.conf" "$@" </dev/null >&2 9>&-
}

prepare_apt() {
	mkdir -p "$tmp"/{lists,archives}/partial
	: >"$tmp/status" # nothing is installed, so all that a server needs is fetched
	cat >"$tmp/apt.conf" <<-END
		#clear APT::Update;
		#clear DPkg;
		APT::Sandbox::User "";
		APT::Update::Error-Mode "any";
		APT::Get::AllowUnauthenticated "false";
		Acquire::Languages "none";
		Acquire::Retries "3";
		Dir::State::status "$tmp/status";
		Dir::State::extended_states "$tmp/extended_states";
		Dir::State::Lists "$tmp/lists/";
		Dir::Cache "$tmp/";
		Dir::Cache::Archives "$tmp/archives/";
		Dir::Log "$tmp/";
		Dir::Etc::SourceList "$tmp/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::Etc::Preferences "/dev/null";
		Dir::Etc::PreferencesParts "/dev/null";
	END
}

# The archives of this machine's sources, whatever their format: apt names the
# index files that an update would fetch. Those of security and of updates do not
# have every package.
mirrors() {
	if [ -n "${DEBIAN_MIRROR-}" ]; then
		echo "${DEBIAN_MIRROR%/}"
		return
	fi
	apt-get update --print-uris |
		sed -nE "s|^'(.+)/dists/[^/]+/(In)?Release' .*|\1|p" | grep -v security | awk '!seen[$0]++'
}

download() { # mirror
	local keys=/usr/share/keyrings/debian-archive-keyring.gpg signed=
	if [ -e "$keys" ]; then signed="[signed-by=$keys]"; fi
	echo "deb $signed $1 $suite main" >"$tmp/sources.list"
	private_apt update &&
		private_apt install -y --no-install-recommends --download-only "${packages[@]}"
}

# Writes $tmp/new: all packages in root, and a folder for each server.
extract() {
	local root=$tmp/new/root deb loader libraries lib package
	mkdir -p "$root"
	for deb in "$tmp"/archives/*.deb; do dpkg-deb -x "$deb" "$root"; done

	# The loader's links can be absolute, and so lead to the system's own.
	loader=$(find "$root" -type f \( -name 'ld-linux*.so.*' -o -name 'ld-2.*.so' \) -printf '%P\n' -quit)
	[ -n "$loader" ] || fail "$suite: the packages have no loader"
	lib=$(basename "$(dirname "$loader")") # such as x86_64-linux-gnu
	libraries="\$root/usr/lib/$lib:\$root/lib/$lib"

	for package in "${packages[@]}"; do
		mkdir "$tmp/new/$package"
		# It has to exec: the tests compare the process id that the server tells.
		cat >"$tmp/new/$package/redis-server" <<-END
			#!/bin/sh
			root=\${0%/*}/../root
			exec "\$root/$loader" --library-path "$libraries" "\$root/usr/bin/$package" "\$@"
		END
		chmod +x "$tmp/new/$package/redis-server"
	done
}

# A server that tells its version can still fail to start.
try() { # folder
	local log=$tmp/log pid
	"$1/redis-server" --port 0 --unixsocket "$tmp/socket" --save '' --dir "$tmp" >"$log" 2>&1 9>&- &
	pid=$!
	for _ in {1..100}; do
		if grep -qi 'ready to accept connections' "$log" || ! kill -0 "$pid" 2>/dev/null; then break; fi
		sleep 0.1
	done
	kill "$pid" 2>/dev/null || true
	wait "$pid" || true
	grep -qi 'ready to accept connections' "$log" || fail "$name does not start:" "$(tail -n 5 "$log")"
}

fetch() {
	local mirror tried=
	for needed in apt-get dpkg-deb; do
		command -v "$needed" >/dev/null ||
			fail "$name is not there, and there is no $needed to fetch it with: it comes from Debian's packages"
	done
	prepare_apt
	for mirror in $(mirrors); do
		printf 'redis.sh: fetching %s of %s from %s\n' "${packages[*]}" "$suite" "$mirror" >&2
		tried+=" $mirror"
		if download "$mirror" 2>"$tmp/apt.log"; then
			extract
			for package in "${packages[@]}"; do try "$tmp/new/$package"; done
			rm -rf "${cache:?}/$suite"
			mv -T "$tmp/new" "$cache/$suite"
			return
		fi
		grep -E '^[EW]:' "$tmp/apt.log" >&2 || tail -n 5 "$tmp/apt.log" >&2
	done
	fail "$name could not be fetched: no mirror of Debian's $suite answers among:${tried:- none}" \
		"(the mirrors are those of this machine's apt sources; DEBIAN_MIRROR=url names another)"
}

[ -x "$folder/redis-server" ] || fetch

version=$("$folder/redis-server" --version) || fail "$folder/redis-server does not run; remove $cache to fetch it again"
[[ $version == "$is"* ]] ||
	fail "$folder has '$version', but $name should begin with '$is'; has $suite moved on?"
printf '%s: %s\n' "$name" "$version" >&2
echo "$folder"

# A developer, by the guide's commands: from a clone to the first token, by curl and by
# the Python library. Go and its caches are those of this computer, since the machine
# has no network.
story_developer() {
	local demo
	# The directories of Go's cache, open to the developer, then what is in them.
	mkdir -p "$machines/cache.changed"/{{0..9},{a..f}}{{0..9},{a..f}}
	chmod 777 "$machines/cache.changed"/*
	overlay "$(go env GOCACHE)" cache
	boots developer --bind-ro="$(go env GOROOT)" --bind-ro="$(go env GOMODCACHE)" --bind="$machines/cache:/go/cache"
	sits dev developer
	git clone --quiet --bare --depth 1 "file://$PWD" "$machines/share/regent.git"
	m chown -R dev: /share/regent.git
	m chmod 711 /root # the modules may be below
	enters "PATH=\$PATH:$(go env GOROOT)/bin; export GOCACHE=/go/cache GOMODCACHE=$(go env GOMODCACHE) GOPROXY=off GOTOOLCHAIN=local"
	reads application-developer ADDRESS=/share/regent.git
	types 'git clone /share/regent.git regent'
	types 'cd regent'
	types 'make demo KEEP=1'
	say "the demo left a device running after $((machine_ns / 1000000000)) s, of which $(grep -o 'All of it was so, in .*' <<<"$out")"
	demo=$out
	types_own "$(grep -E '^  export D=' <<<"$demo" | sed 's/^ *//')"
	types 'curl -sS --unix-socket $D/device/agent.sock http://regent/v1/token -d '\''{"application":"cad"}'\'
	shows '"access_token":"[^"]+".*"instance":"cad/2"'
	counted "developer, to the first token by curl"
	types_own "$(grep -E '^  export REGENT_SOCKET=' <<<"$demo" | sed 's/^ *//')"
	types 'PYTHONPATH=ipc/sdk/python python3 ipc/sdk/python/examples/first_token.py'
	shows '^cad/2 [0-9]+ s left'
	types_own "$(grep -E '^  kill .*rm -r' <<<"$demo" | sed 's/^ *//')"
	counted developer
}

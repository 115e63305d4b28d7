# What the stories have in common: sourced by run, which says what say, fail,
# boot and in_machine are. $story is the machine's name.

readonly tenant=https://127.0.0.1:8443
readonly site=/srv/site # IT's files in a machine

m() { in_machine "$story" "$@"; }

# sh_m runs a line of shell in the machine.
sh_m() { m sh -ec "$1"; }

# as USER COMMAND... runs a command in the machine as that user.
as() {
	local user=$1
	shift
	m setpriv --reuid="$user" --regid="$user" --init-groups "$@"
}

# expect TEXT COMMAND... fails unless the command's output, however it ends, has
# a line that matches TEXT.
expect() {
	local text=$1 out
	shift
	out=$("$@" 2>&1) || true
	grep -Eq -- "$text" <<<"$out" || fail "$* does not say /$text/ but: $out"
}

# exits CODE COMMAND... fails unless the command ends with that code.
exits() {
	local want=$1 got=0 out
	shift
	out=$("$@" 2>&1) || got=$?
	((got == want)) || fail "$* ended with $got, not $want: $out"
}

# said COMMAND... prints the first line of what the command says in the machine,
# however it ends.
said() {
	local out
	out=$(m "$@" 2>&1) || true
	head -n 1 <<<"$out"
}

# await SECONDS TEXT COMMAND... waits until expect would be content, and sets
# $waited to how many tenths of a second that took.
await() {
	local limit=$1 text=$2 out begun now
	shift 2
	begun=$(date +%s%N)
	while :; do
		out=$("$@" 2>&1) || true
		now=$(date +%s%N)
		waited=$(((now - begun) / 100000000))
		if grep -Eq -- "$text" <<<"$out"; then return; fi
		((waited < limit * 10)) || fail "$* did not say /$text/ within $limit s, but: $out"
		sleep 0.1
	done
}

# tenths prints $waited in seconds.
tenths() { printf '%d.%d s' $((waited / 10)) $((waited % 10)); }

# site_file PATH writes standard input to a file in the machine, open to all.
site_file() { m sh -c 'umask 022; mkdir -p "$(dirname "$1")"; cat >"$1"' - "$1"; }

# emulator [OPTION...] starts the token service in the machine, over TLS. Its access
# tokens are good for longer than any story takes.
emulator() {
	m dpkg -i /packages/regent-emulator_1.0.0_amd64.deb /packages/regent-admin_1.0.0_amd64.deb >/dev/null
	sh_m "mkdir -p $site; umask 077; echo correct horse >$site/password"
	m systemd-run --quiet --unit=emulator tms-emulator --listen 127.0.0.1:8443 --access-lifetime 1h --ca-out $site/ca.pem --admin-password-file $site/password "$@"
	await 60 '^\[' admin registration-token list --json
}

# admin COMMAND... is the Contact Administrator.
admin() { m tmsctl --tenant $tenant --user admin --password-file $site/password --ca-file $site/ca.pem "$@"; }

# registration_token FILE COUNT makes one, in a file of the machine.
registration_token() {
	admin registration-token create --count "$2" --out "$1" >/dev/null
	m chmod 600 "$1"
}

# site_config is what IT deploys beside the package.
site_config() {
	site_file /etc/regent/config.d/50-site.yaml <<-END
		network: {ca_file: $site/ca.pem}
		limits: {redeem_splay: 0s}
		applications:
		  - id: cad
		    instances: 4
		    allow:
		      - users: [root, alice, bob]
	END
}

users() { sh_m 'useradd alice; useradd bob'; }

# log prints the daemon's journal.
log() { m journalctl --no-pager -q -o cat -u regentd.service "$@"; }

for file in packaging/system/stories/*.sh; do
	source "$file"
done

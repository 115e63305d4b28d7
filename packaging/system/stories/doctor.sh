# One thing is broken after the other on an installed system, from outside:
# regent doctor names that and nothing else.
story_doctor() {
	boot doctor
	emulator
	site_config
	users
	site_file /etc/regent/config.d/40-tenant.yaml <<<"tenant: $tenant"
	m dpkg -i /packages/regent_1.0.0_amd64.deb >/dev/null 2>&1
	registration_token $site/made 4
	m regent register --file $site/made --erase --wait 2m >/dev/null
	finds "nothing" 0 ''
	service_broken
	socket_broken
	daemon_version
	say "each fault on the installed system has its own code"
}

# finds WHAT EXIT CODE waits until doctor names the code alone, and ends with EXIT.
finds() {
	local what=$1 exit=$2 want=$3 got code end=$((SECONDS + 60))
	while :; do
		code=0
		got=$(m regent doctor --json) || code=$?
		got=$(sed -n 's/.*"code": "\([a-z_]*\)".*/\1/p' <<<"$got" | tr '\n' ' ')
		got=${got% }
		if [[ $got == "$want" && $code == "$exit" ]] || ((SECONDS >= end)); then break; fi
		sleep 0.5
	done
	[[ $got == "$want" && $code == "$exit" ]] || fail "$what: doctor names '$got' and ends with $code, not '$want' and $exit"
	say "$(printf '%-44s %d  %s' "$what" "$code" "$got")"
}

# down stops the daemon, and the socket that would start it again.
down() { sh_m 'systemctl daemon-reload; systemctl stop regentd.socket regentd.service; systemctl reset-failed'; }

# fails_to_start starts the daemon, which must fail, and takes the socket away
# that would try again.
fails_to_start() {
	exits 1 m systemctl start regentd.service
	m systemctl stop regentd.socket
}

service_broken() {
	down
	finds "the service is stopped" 7 service_stopped
	site_file /etc/regent/config.d/70-bad.yaml <<<$'applications:\n  - {id: cad, instances: many}'
	fails_to_start
	finds "the configuration is bad" 7 config_invalid
	m rm /etc/regent/config.d/70-bad.yaml

	site_file /etc/systemd/system/regentd.service.d/fails.conf <<<$'[Service]\nExecStartPre=/bin/false'
	down
	fails_to_start
	finds "the service does not start" 7 service_failing
	site_file /etc/systemd/system/regentd.service.d/fails.conf <<<$'[Service]\nLoadCredential=gone:/nowhere/at/all'
	down
	fails_to_start
	finds "a credential cannot be had" 7 service_credential
	m rm -r /etc/systemd/system/regentd.service.d
	down
	m systemctl start regentd.socket regentd.service
	await 60 'serving 4 of 4' m regent status
	finds "mended" 0 ''
}

socket_broken() {
	m chmod 600 /run/regent/agent.sock
	finds "the socket's mode" 7 socket_mode
	m chmod 666 /run/regent/agent.sock
	m mv /run/regent/agent.sock /run/regent/away.sock
	finds "the socket is gone" 7 socket_missing
	m systemd-run --quiet --unit=stranger --uid=nobody --property=RuntimeDirectory=stranger systemd-socket-activate --listen=/run/stranger/s /bin/cat
	await 60 '^/run/stranger/s' m ls /run/stranger/s
	m ln -s /run/stranger/s /run/regent/agent.sock
	finds "a stranger listens there" 7 socket_foreign
	sh_m 'systemctl stop stranger 2>/dev/null || true; rm -f /run/regent/agent.sock; mv /run/regent/away.sock /run/regent/agent.sock'
	finds "mended" 0 ''
}

daemon_version() {
	m dpkg --unpack /packages/regent_1.1.0_amd64.deb >/dev/null 2>&1
	finds "an upgrade without a restart" 6 daemon_version
	m dpkg --configure regent >/dev/null 2>&1
	await 60 'serving 4 of 4' m regent status
	finds "the upgrade is whole" 0 ''
}

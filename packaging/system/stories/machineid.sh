# The machine-id is another one, as on a clone or after a repair: systemd's host
# key then unseals nothing. The daemon rests, shows as failed, and comes back at
# once when the cause is gone.
story_machineid() {
	local old state
	boot machineid
	emulator
	users
	site_config
	site_file /etc/regent/config.d/40-tenant.yaml <<<"tenant: $tenant"
	m dpkg -i /packages/regent_1.0.0_amd64.deb >/dev/null 2>&1
	registration_token $site/made 9
	m regent register --file $site/made --wait 2m >/dev/null
	expect 'serving 4 of 4' m regent status
	old=$(m cat /etc/machine-id)
	state=$(state_of_machine)
	sh_m 'systemd-id128 new >/etc/machine-id'
	rests
	names_the_machine_id
	[[ $state == "$(state_of_machine)" ]] || fail "the state was changed"
	old_machine_id_back "$old"
	by_a_persons_start "$old"
	stopped_stays_stopped
	new_machine_id
}

state_of_machine() { m sh -c 'sha256sum /var/lib/regent/records/* /var/lib/regent/ledger.jsonl | sort'; }

# lines prints how many lines the journal has of the units since $since, of
# whatever machine-id.
lines() { m journalctl --no-pager -q --merge -o cat --since "@$since" -u 'regentd*' | wc -l; }

rests() {
	local since lines
	exits 1 m systemctl restart regentd.service
	expect '^ExecMainStatus=243$' m systemctl show --property=ExecMainStatus regentd.service
	sleep 2 # since= counts whole seconds
	since=$(m date +%s)
	sleep 11 # five times RestartSec=
	lines=$(lines)
	((lines < 25)) || fail "$lines lines in the journal within 11 s of rest: $(m journalctl --no-pager -q --merge -o cat -n 20)"
	expect '^NRestarts=0$' m systemctl show --property=NRestarts regentd.service
	expect 'regentd\.service.*failed' m systemctl --failed --no-legend --no-pager
	await 60 '^active$' m systemctl is-active regentd-retry.timer
	expect '^active$' m systemctl is-active regentd.socket
	say "it rests: failed, no restart, $lines lines in the journal within 11 s; the next try is in at most 5 minutes"
}

names_the_machine_id() {
	expect 'locked: the machine-id of this device was changed' m regent status
	exits 7 m regent status
	finds "the machine-id was changed" 7 machine_id_changed
	finds_as_alice
}

finds_as_alice() { expect 'machine_id_changed' as alice regent doctor; }

# A cause that is gone is noticed by the next request.
old_machine_id_back() {
	sh_m "echo $1 >/etc/machine-id"
	as alice regent token --application cad --instance 1 >/dev/null
	expect 'serving 4 of 4' m regent status
	await 60 '^inactive$' m systemctl is-active regentd-retry.timer
	say "the old machine-id is back: the next request had its token"
}

by_a_persons_start() {
	local n since lines
	since=$(m date +%s)
	sh_m 'systemd-id128 new >/etc/machine-id'
	exits 1 m systemctl restart regentd.service
	# Applications go on asking.
	sh_m 'for n in $(seq 40); do timeout 1 regent token --application cad --instance 1 >/dev/null 2>&1 || true; done'
	lines=$(lines)
	((lines < 250)) || fail "$lines lines in the journal after 40 requests"
	say "40 requests of an application: $lines lines in the journal, then the socket is closed: $(m systemctl is-active regentd.socket || true)"
	for n in $(seq 12); do exits 1 m systemctl start regentd.service; done
	sh_m "echo $1 >/etc/machine-id"
	m systemctl start regentd.service
	expect 'serving 4 of 4' m regent status
	say "started by a person at once, after 13 starts that failed"
}

# Nothing starts again what an administrator has stopped.
stopped_stays_stopped() {
	sh_m 'systemd-id128 new >/etc/machine-id'
	exits 1 m systemctl restart regentd.service
	m systemctl stop regentd.socket regentd.service
	await 60 '^inactive$' m systemctl is-active regentd-retry.timer
	say "stopped by an administrator: no further try"
}

# README.md of the package, word by word.
new_machine_id() {
	m mv /var/lib/regent /var/lib/regent.lost
	m rm /etc/credstore.encrypted/regent-keyring-passphrase
	m systemctl start regentd.service
	expect 'waiting for a registration token' m regent status
	m regent register --file $site/made --erase --wait 2m >/dev/null
	expect 'serving 4 of 4' m regent status
	m test -s /var/lib/regent.lost/ledger.jsonl
	expect 'credential.secret.[0-9a-f]{32}' m ls /var/lib/systemd
	say "with a new machine-id, as the package's README says: a new key, 4 more counts; the old state and host key are kept"
}

# The data key sealed by a TPM, and what a reset of the TPM looks like. The TPM
# is swtpm, over TCP inside the machine; systemd finds it by its environment. No
# kernel is between them that ends a program's sessions with it, so the TPM, which
# has room for three, is switched off and on where a device would do neither.
story_tpm() {
	local device=swtpm:host=127.0.0.1,port=2321
	boot tpm --setenv=SYSTEMD_TPM2_DEVICE=$device
	rm -rf "$machines/tpm.state" # another release's TPM counts what it was cut off in
	tpm_on
	emulator
	site_config
	site_file /etc/regent/config.d/40-tenant.yaml <<<"tenant: $tenant"
	# The device's own programs find a TPM in /dev; here they are told, and reach it
	# over the network.
	site_file /etc/systemd/system/regentd-key.service.d/story.conf <<<"[Service]
Environment=SYSTEMD_TPM2_DEVICE=$device
PrivateNetwork=no
RestrictAddressFamilies=AF_INET
ExecStart=
ExecStart=/usr/lib/regent/seal-key tpm2"
	m dpkg -i /packages/regent_1.0.0_amd64.deb >/dev/null 2>&1
	registration_token $site/made 9
	m regent register --file $site/made --wait 2m >/dev/null
	expect 'serving 4 of 4' m regent status
	tpm_off
	tpm_on
	m systemctl restart regentd.service
	expect 'serving 4 of 4' m regent status
	say "the passphrase is sealed by the TPM alone; unsealed again after its power was cut, in a start of $(started)"
	reset_tpm
	documented_recovery
}

tpm_on() {
	mkdir -p "$machines/tpm.state"
	nsenter -t "$(<"$machines/tpm.leader")" -n swtpm socket --tpm2 --tpmstate "dir=$machines/tpm.state" \
		--server type=tcp,bindaddr=127.0.0.1,port=2321 --ctrl type=tcp,bindaddr=127.0.0.1,port=2322 \
		--flags not-need-init,startup-clear --daemon --pid "file=$machines/tpm.beside"
}

tpm_off() {
	local pid n
	pid=$(<"$machines/tpm.beside")
	kill "$pid"
	for n in $(seq 1200); do
		kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.05
	done
	fail "swtpm does not end"
}

# started prints how long the daemon's last start took.
started() {
	m sh -c 'systemctl show --property=InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic regentd.service' |
		awk -F = '/^Inactive/ {begun = $2} /^Active/ {ready = $2} END {printf "%d ms", (ready - begun) / 1000}'
}

reset_tpm() {
	local before begun
	before=$(m sh -c 'sha256sum /var/lib/regent/records/* /var/lib/regent/ledger.jsonl | sort')
	tpm_off
	rm -r "$machines/tpm.state"
	tpm_on
	m systemctl restart regentd.service 2>/dev/null && fail "the unit starts with another TPM" || true
	begun=$(date +%s%N)
	expect '^locked: systemd cannot unseal.*243/CREDENTIALS' m sh -c 'regent status | tr "\n" " "'
	begun=$((($(date +%s%N) - begun) / 1000000))
	exits 7 m regent status
	expect '"state": "locked"' m regent status --json
	[[ $before == "$(m sh -c 'sha256sum /var/lib/regent/records/* /var/lib/regent/ledger.jsonl | sort')" ]] || fail "the state was changed"
	say "TPM reset: the unit does not start, nothing is changed, and regent status says after $begun ms:"
	said regent status | fold -s -w 100 | while read -r line; do say "  $line"; done
}

# README.md of the package, word by word.
documented_recovery() {
	m systemctl stop regentd.socket regentd.service
	m mv /var/lib/regent /var/lib/regent.lost
	m rm /etc/credstore.encrypted/regent-keyring-passphrase
	tpm_off
	tpm_on
	m systemctl start regentd.service
	expect 'waiting for a registration token' m regent status
	m regent register --file $site/made --erase --wait 2m >/dev/null
	expect 'serving 4 of 4' m regent status
	expect '"uses": *8|8/9|8 of 9' admin registration-token list
	say "recovered as the package's README says: a new key, 4 more counts of the registration token"
}

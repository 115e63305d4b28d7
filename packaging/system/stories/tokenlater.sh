# Installed with no answer, no token and no token service in reach, as in an
# image; the registration token comes later, in each of its ways.
story_later() {
	boot later
	m dpkg -i /packages/regent_1.0.0_amd64.deb >/dev/null 2>&1
	expect 'no application is configured in /etc/regent/config.yaml or config.d, and there is no registration token. An administrator runs: sudo regent setup' m regent status
	exits 5 m regent status

	say "installed without token and network: $(said regent status)"
	site_config
	emulator
	by_file
	by_credential
	unproven
	cannot_be_erased
	key_cannot_be_made
}

# The tenant comes first; then the file, which at first is not yet a token.
by_file() {
	local took
	registration_token $site/made 4
	site_file /etc/regent/config.d/40-tenant.yaml <<<"tenant: $tenant"
	m systemctl reload regentd.service
	sh_m 'umask 077; : >/etc/regent/registration-token'
	sleep 1
	sh_m "cat $site/made >/etc/regent/registration-token"
	await 60 'serving 4 of 4' m regent status
	took=$(tenths)
	await 60 gone sh_m 'test -e /etc/regent/registration-token || echo gone'
	say "a token dropped into /etc/regent, a second after its empty file: registered after $took"
}

# A second device, so to say: sealed to the host, read at the start.
by_credential() {
	registration_token $site/more 4
	m dpkg --purge regent >/dev/null 2>&1
	site_config
	site_file /etc/regent/config.d/40-tenant.yaml <<<"tenant: $tenant"
	sh_m "mkdir -p /etc/credstore.encrypted
		systemd-creds encrypt --name=regent-registration-token $site/more /etc/credstore.encrypted/regent-registration-token 2>/dev/null"
	m dpkg -i /packages/regent_1.0.0_amd64.deb >/dev/null 2>&1
	await 60 'serving 4 of 4' m regent status
	say "a token as an encrypted credential: registered $(tenths) after dpkg had ended"
	m dpkg --purge regent >/dev/null 2>&1
	exits 0 m sh -c "! ls -A /etc/credstore.encrypted | grep ."
	exits 1 m test -e /etc/regent
	say "purged: neither that credential nor any configuration is left"
}

# unproven: one that does not decode to user:password is kept beside until the
# service has accepted it. The timer's time is cut short for the story.
unproven() {
	local odd
	m systemctl stop emulator
	emulator --data $site/tenant.db
	registration_token $site/odd 4
	m systemctl stop emulator
	odd=$(printf 'x%.0s' $(seq "$(m cat $site/odd | wc -c)"))
	sh_m "sed -i \"s,$(m cat $site/odd),$odd,\" $site/tenant.db"
	site_config
	site_file /etc/regent/config.d/40-tenant.yaml <<<"tenant: $tenant"
	m dpkg -i /packages/regent_1.0.0_amd64.deb >/dev/null 2>&1
	site_file /etc/systemd/system/regentd-register.timer.d/story.conf <<<$'[Timer]\nOnActiveSec=\nOnActiveSec=5s\nAccuracySec=1s'
	m systemctl daemon-reload
	sh_m "umask 077; echo $odd >/etc/regent/registration-token"
	await 60 '^failed$' m systemctl is-active regentd-register.service
	expect '^600 root /etc/regent/registration-token.unproven$' m stat -c '%a %U %n' /etc/regent/registration-token.unproven
	exits 1 m test -e /etc/regent/registration-token
	emulator --data $site/tenant.db
	await 60 'serving 4 of 4' m regent status
	await 60 gone sh_m 'test -e /etc/regent/registration-token.unproven || echo gone'
	await 60 '^inactive$' m systemctl is-active regentd-register.service
	say "an odd registration token lay beside as .unproven until the service had taken it; gone $(tenths) after that"
	sh_m 'rm -r /etc/systemd/system/regentd-register.timer.d; systemctl daemon-reload'
}

# cannot_be_erased: what no repetition mends rests as failed, and a person's start
# works once the cause is mended.
cannot_be_erased() {
	local since starts
	m systemctl stop regentd-register.path
	sh_m "umask 077; cat $site/odd >/etc/regent/registration-token; mount --bind /etc /etc; mount -o remount,bind,ro /etc"
	sleep 1.1 # journalctl counts in whole seconds: no start of before
	since=$(m date +%s)
	m systemctl start regentd-register.path
	await 60 '^failed$' m systemctl is-active regentd-register.service
	sleep 20
	starts=$(starts "$since" regentd-register.service)
	((starts == 1)) || fail "it was started $starts times within 20 s: $(m journalctl --no-pager -q -o cat --since "@$since" -u regentd-register.service)"
	expect 'regentd-register\.service.*failed' m systemctl --failed --no-legend --no-pager
	await 60 'mounted read-only' m journalctl --no-pager -q -o cat --since "@$since" -u regentd-register.service
	await 60 '^active$' m systemctl is-active regentd-register.timer
	exits 1 m systemctl start regentd-register.service
	m mount -o remount,bind,rw /etc
	m systemctl start regentd-register.service
	exits 1 m test -e /etc/regent/registration-token
	exits 1 sh_m 'systemctl --failed --no-legend --no-pager | grep regentd'
	await 60 '^inactive$' m systemctl is-active regentd-register.timer
	m umount /etc
	say "with /etc read-only: failed and at rest, no second start within 20 s; writable again, a person's start erased the file"
}

# starts SINCE UNIT counts how often a unit was started.
starts() { m journalctl --no-pager -q -o cat --since "@$1" -u "$2" | grep -c '^Starting ' || true; }

# key_cannot_be_made: a first start with /etc read-only.
key_cannot_be_made() {
	local since starts
	m systemctl stop regentd-register.path regentd.socket regentd-credential.socket regentd.service
	sh_m 'rm -r /var/lib/regent /etc/credstore.encrypted/regent-keyring-passphrase; mount --bind /etc /etc; mount -o remount,bind,ro /etc'
	since=$(m date +%s)
	exits 1 m systemctl start regentd.service
	sleep 12
	starts=$(starts "$since" regentd-key.service)
	((starts == 1)) || fail "regentd-key.service was started $starts times within 12 s"
	expect 'regentd-key\.service.*failed' m systemctl --failed --no-legend --no-pager
	await 60 'Read-only file system' m journalctl --no-pager -q -o cat --since "@$since" -u regentd-key.service
	await 60 '^active$' m systemctl is-active regentd-retry.timer
	m mount -o remount,bind,rw /etc
	m systemctl start regentd.service
	await 60 'waiting for a registration token' m regent status
	await 60 '^inactive$' m systemctl is-active regentd-retry.timer
	exits 1 sh_m 'systemctl --failed --no-legend --no-pager | grep regentd'
	m umount /etc
	say "a first start with /etc read-only: regentd-key.service is failed and at rest; writable again, a person's start works"
	retried
}

# retried: nobody starts it, and nobody asks: the timer does, again and again, until
# the cause has gone. Its time is cut short for the story.
retried() {
	local since
	site_file /etc/systemd/system/regentd-retry.timer.d/story.conf <<<$'[Timer]\nOnActiveSec=\nOnActiveSec=3s\nAccuracySec=100ms'
	m systemctl daemon-reload
	m systemctl stop regentd-register.path regentd.socket regentd-credential.socket regentd.service
	sh_m 'rm -r /var/lib/regent /etc/credstore.encrypted/regent-keyring-passphrase; mount --bind /etc /etc; mount -o remount,bind,ro /etc'
	sleep 1.1 # journalctl counts in whole seconds: no start of before
	since=$(m date +%s)
	exits 1 m systemctl start regentd.service
	await 60 '^([3-9]|[0-9]{2,})$' starts "$since" regentd-key.service
	expect '^(failed|inactive|activating)$' m systemctl is-active regentd.service
	m mount -o remount,bind,rw /etc
	await 60 '^active$' m systemctl is-active regentd.service
	await 60 'waiting for a registration token' m regent status
	await 60 '^inactive$' m systemctl is-active regentd-retry.timer
	exits 1 sh_m 'systemctl --failed --no-legend --no-pager | grep regentd'
	m umount /etc
	sh_m 'rm -r /etc/systemd/system/regentd-retry.timer.d; systemctl daemon-reload'
	say "regentd-retry.timer, cut to 3 s, started the daemon twice in vain; writable again, its next start worked"
}

# Installed with no answer, no token and no token service in reach, as in an
# image; the registration token comes later, in each of its ways.
story_later() {
	boot later
	m dpkg -i /packages/regent_1.0.0_amd64.deb >/dev/null 2>&1
	expect 'waiting for a registration token; an administrator gives one with: regent register' m regent status
	exits 5 m regent status

	say "installed without token and network: $(said regent status)"
	site_config
	emulator
	by_file
	by_credential
}

# The tenant comes first; then the file, which at first is not yet a token.
by_file() {
	registration_token $site/made 4
	site_file /etc/regent/config.d/40-tenant.yaml <<<"tenant: $tenant"
	m systemctl reload regentd.service
	sh_m 'umask 077; : >/etc/regent/registration-token'
	sleep 1
	sh_m "cat $site/made >/etc/regent/registration-token"
	await 10 'serving 4 of 4' m regent status
	exits 1 m test -e /etc/regent/registration-token
	say "a token dropped into /etc/regent, a second after its empty file: registered after $(tenths)"
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
	await 10 'serving 4 of 4' m regent status
	say "a token as an encrypted credential: registered $(tenths) after dpkg had ended"
	m dpkg --purge regent >/dev/null 2>&1
	exits 0 m sh -c "! ls -A /etc/credstore.encrypted | grep ."
	exits 1 m test -e /etc/regent
	say "purged: neither that credential nor any configuration is left"
}

# No secret in the journal, nor in anything else that a real system keeps: the
# packaged daemon at debug level, and an abort of it.
story_canary() {
	CGO_ENABLED=0 go test -c -o "$machines/canary/search" ./cmd/stories
	boot canary
	emulator
	users
	site_config
	m dpkg -i /packages/regent_1.0.0_amd64.deb >/dev/null 2>&1
	site_file /etc/regent/config.d/40-tenant.yaml <<<"tenant: $tenant
log: {level: debug}"
	m systemctl restart regentd.service
	registration_token $site/made 9
	m regent register --file $site/made --wait 2m >/dev/null
	m regent store rekey --yes >/dev/null
	expect 'serving 4 of 4' m regent status
	sh_m "umask 077
		printf 'registration token\t%s\n' \"\$(cat $site/made)\" >$site/canaries
		printf 'access token\t%s\n' \"\$(regent token --application cad --instance 1)\" >>$site/canaries
		printf 'passphrase\t%s\n' \"\$(systemd-creds decrypt --name=regent-keyring-passphrase /etc/credstore.encrypted/regent-keyring-passphrase -)\" >>$site/canaries"
	m systemctl kill --signal=ABRT regentd.service
	await 60 'serving 4 of 4' m regent status
	m journalctl --sync
	sh_m "mkdir /srv/journal; journalctl -o export >/srv/journal/all"
	expect 'level=DEBUG|PRIORITY=7' m cat /srv/journal/all
	sh_m "REGENT_TEST_CANARIES=$site/canaries REGENT_TEST_SEARCH=/srv/journal:/var/lib/regent:/var/lib/regent.mark:/etc:/run/regent:/run/log:/var/log:/var/tmp:/tmp:/root \
		/search -test.v -test.run '^TestCanaryInMachine$'" >"$machines/canary.out" 2>&1 || fail "$(<"$machines/canary.out")"
	grep -o 'canary: .*' "$machines/canary.out" | while read -r line; do say "$line"; done
}

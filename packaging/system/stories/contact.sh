# The Contact Administrator, by the guide's commands: the counts of a registration token
# are used up, since a stranger has it. The office is her computer; laptop and desktop
# are devices of IT, pc-99 is the stranger's.
story_contact() {
	office --access-lifetime 20s
	for name in laptop desktop pc-99; do configured_device $name; done
	m dpkg -i /packages/regent-admin_1.0.0_amd64.deb >/dev/null
	sits carla contact
	m install -o carla -m 600 /root/password /home/carla/password
	sits ida laptop sudo
	sits ida desktop sudo
	reads contact-administrator 'devices 100'='devices 2' ' --spare 5'= 'count 210'='count 4' \
		'profile add acme --tenant https://acme.example.com --user admin'='profile add demo --tenant https://demo-host.com --user admin --password-file password' \
		fleet=berlin 'laptop,,no\n'='laptop,,no\ndesktop,,no\n'
	plans_and_creates
	a_stranger_has_it
	investigates
	deletes_the_stranger
	counted "Contact Administrator"
}

# on MACHINE LINE runs a line of shell as root: what the story does not count.
on() { in_machine "$1" sh -ec "$2"; }

configured_device() {
	branch "$1"
	on "$1" 'mkdir /etc/regent; cat >/etc/regent/config.yaml
		dpkg -i /packages/regent_1.0.0_amd64.deb >/dev/null 2>&1' <<-END
		tenant: https://demo-host.com
		limits: {redeem_splay: 0s}
		applications: [{id: cad, instances: 2, allow: [{users: [root]}]}]
	END
}

plans_and_creates() {
	at carla@contact
	types 'tmsctl profile add demo --tenant https://demo-host.com --user admin --password-file password'
	types 'tmsctl plan --devices 2 --instances 2'
	shows '= 4 counts'
	types 'tmsctl registration-token create --identifier berlin --count 4 --out berlin.token'
	shows 'used +0/4'
	copies berlin.token ida@laptop
	copies berlin.token ida@desktop
}

a_stranger_has_it() {
	say "two devices of IT, and the stranger's"
	in_machine contact cat /home/carla/berlin.token | in_machine pc-99 regent register --stdin --wait 2m >/dev/null
	for name in laptop desktop; do
		at ida@$name
		enters 'sudo regent register --file berlin.token --erase --wait 2m'
	done
	types_any 'sudo regent doctor'
	shows '^registration_exhausted'
	await 60 '"generation": ?[2-9]' in_machine pc-99 regent token --application cad --instance 1 --output json
	await 60 '"generation": ?[2-9]' in_machine pc-99 regent token --application cad --instance 2 --output json
	say "the device of IT that came last: $(head -n 1 <<<"$out")"
}

investigates() {
	at carla@contact
	types 'tmsctl registration-token list'
	shows 'berlin +4/4 +used up'
	types 'tmsctl auth-token list --registration-token berlin'
	shows 'pc-99'
	types 'mkdir ledgers'
	for name in laptop desktop; do
		at ida@$name
		types_own "sudo regent ledger --csv > $name.csv"
		copies $name.csv carla@contact
	done
	at carla@contact
	types_own 'mv laptop.csv desktop.csv ledgers/'
	types "printf 'fqdn,user,retired\\nlaptop,,no\\ndesktop,,no\\n' > inventory.csv"
	types 'tmsctl investigate berlin --ledgers ledgers --devices inventory.csv'
	shows '^unexpected host +2$'
	shows '^expected +2$'
	shows '^unexpected host +pc-99 +cad/[12]'
	say "investigate: $(grep -E '^(berlin|unexpected host +2|expected)' <<<"$out" | paste -sd ';')"
}

deletes_the_stranger() {
	types 'tmsctl registration-token disable berlin'
	types 'tmsctl investigate berlin --ledgers ledgers --devices inventory.csv --csv >findings.csv'
	types 'tmsctl auth-token delete --from findings.csv --dry-run'
	shows '^2 auth tokens'
	types 'tmsctl auth-token delete --from findings.csv --yes'
	shows '^deleted 2 auth tokens'
	types_own 'tmsctl registration-token create --identifier desktop --count 2 --out desktop.token'
	copies desktop.token ida@desktop
	at ida@desktop
	types_own 'sudo regent register --file desktop.token --erase'
	shows 'cad/2 +registered'
	at ida@laptop
	types_own 'sudo regent status'
	shows '^serving 2 of 2'
	await 60 'cad/1 +revoked' in_machine pc-99 regent status
	await 60 'cad/2 +revoked' in_machine pc-99 regent status
	out=$(in_machine pc-99 regent doctor 2>&1) || true
	say "the stranger's device: ${out%%$'\n'*}"
}

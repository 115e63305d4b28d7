# An end user, by the guide's commands: from the package to the first token. The
# registration token came in a file.
story_enduser() {
	office --access-lifetime 1h
	m dpkg -i /packages/regent-admin_1.0.0_amd64.deb >/dev/null
	sits alice enduser sudo
	sh_m 'tmsctl --tenant demo-host.com --user admin --password-file /root/password registration-token create --identifier laptop --count 2 --out /home/alice/token >/dev/null
		cp /packages/regent_1.0.0_amd64.deb /home/alice; chown alice: /home/alice/*'
	reads end-user VERSION=1.0.0
	answers 'sudo apt install ./regent_1.0.0_amd64.deb' 'Address of the tenant:' '' 'ID of the application:' '' 'Registration token:' ''
	say "installed: $(said regent status)"
	answers 'sudo regent setup --token-file token' 'ID of the application' cad 'Tenant, such as' demo-host.com 'Number of instances' '' 'Users who may' '' 'Groups that may' '' 'systemd units' '' '[y/N]' y
	shows '^This uses 1 count'
	shows 'cad/1 +live'
	types_own "$(sed -n 's/^  \(curl --unix-socket .*\)/\1/p' <<<"$out")"
	shows '"access_token":"[^"]+'
	types 'regent exec --application cad -- sh -c '\''env | grep REGENT_ | sort'\'
	counted "end user"
	((letters * 60 / typing < 120)) || fail "that is more than two minutes of typing"
}

# IT, by the guide's commands: a policy for two applications, one device first and two
# more after it, an upgrade, and the end of one device. The office is IT's computer.
story_it() {
	office --access-lifetime 1h
	m dpkg -i /packages/regent-admin_1.0.0_amd64.deb >/dev/null
	local admin='tmsctl --tenant demo-host.com --user admin --password-file /root/password'
	sits ida it
	sh_m "$admin registration-token create --identifier laptops --count 9 --out /home/ida/token >/dev/null
		cp /packages/regent_*.deb /home/ida; chown ida: /home/ida/*"
	for name in pc1 pc2 pc3; do
		branch $name
		in_machine $name groupadd engineering
		in_machine $name useradd -G engineering alice
		sits ida $name sudo
	done
	reads it-linux VERSION=1.0.0 NEW=1.1.0
	writes_policy
	for name in pc1 pc2 pc3; do rolls_out_to $name; done
	expect 'laptops +9/9' sh_m "$admin registration-token list"
	upgrades
	ends_a_device
	counted IT
}

writes_policy() {
	at ida@it
	writes 10-it.yaml <<-END
		tenant: https://demo-host.com
		applications:
		  - id: cad
		    instances: 2
		    allow:
		      - groups: [engineering]
		  - id: render
		    allow:
		      - units: [cad-render.service]
	END
}

rolls_out_to() {
	local begun=$SECONDS
	at ida@it
	copies '10-it.yaml token regent_1.0.0_amd64.deb' "ida@$1"
	at "ida@$1"
	types 'sudo DEBIAN_FRONTEND=noninteractive apt install -y ./regent_1.0.0_amd64.deb'
	types 'sudo install -m 644 10-it.yaml /etc/regent/policy.d/10-it.yaml'
	types 'sudo regentd check-config'
	shows '2 applications with 3 instances'
	types 'sudo install -m 600 -o root token /etc/regent/registration-token.new'
	types 'sudo mv /etc/regent/registration-token.new /etc/regent/registration-token'
	sees 60 '^serving 3 of 3' 'regent status'
	types 'sudo regent policy --exit-code >/dev/null && echo "policy is in force"'
	gets_tokens "$1"
	say "$1 serves, $((SECONDS - begun)) s after its files were copied"
}

# gets_tokens MACHINE has a member of the group and a unit get their tokens.
gets_tokens() {
	in_machine "$1" setpriv --reuid=alice --regid=alice --init-groups regent token --application cad --instance 1 >/dev/null
	in_machine "$1" systemd-run --quiet --wait --collect --unit=cad-render.service --property=LoadCredential=cloudlm-token:/run/regent/credential.sock \
		sh -c 'test -s "$CREDENTIALS_DIRECTORY/cloudlm-token"'
}

upgrades() {
	for name in pc1 pc2 pc3; do
		at ida@it
		copies regent_1.1.0_amd64.deb "ida@$name"
		at ida@$name
		types 'sudo apt install ./regent_1.1.0_amd64.deb'
		types 'regent status'
		shows '^serving 3 of 3'
		shows '^regentd 1\.1\.0'
		gets_tokens $name
	done
	expect 'laptops +9/9' sh_m "$admin registration-token list"
	say "three devices upgraded, and no count used"
}

ends_a_device() {
	local ids
	at ida@pc3
	types 'sudo regent unregister --yes'
	shows '^render/1 +demo-host.com'
	ids=$(grep -E '^(cad|render)/' <<<"$out" | awk '{print $NF}' | paste -sd ' ')
	types 'sudo apt purge -y regent'
	exits 1 in_machine pc3 sh -c 'ls -d /var/lib/regent /etc/regent /etc/credstore.encrypted/regent* 2>/dev/null | grep .'
	expect '^deleted auth token ' sh_m "$admin auth-token delete --yes $ids"
	for name in pc1 pc2; do
		at ida@$name
		types 'regent status'
		shows '^serving 3 of 3'
		gets_tokens $name
	done
	[[ $(sh_m "$admin auth-token list --csv" | wc -l) == 7 ]] || fail "there are not 6 auth tokens: $(sh_m "$admin auth-token list")"
	say "pc3 is ended and its 3 auth tokens are deleted; pc1 and pc2 serve"
}

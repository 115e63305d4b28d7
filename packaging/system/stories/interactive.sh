# A person is asked for both, and what was answered is kept nowhere but where it
# belongs. debconf's frontend that starts an editor stands in for a terminal: it
# shows every question, and the editor is ours.
story_interactive() {
	boot interactive
	emulator
	site_config
	registration_token $site/made 4
	site_file $site/editor <<-END
		#!/bin/sh
		cp "\$1" $site/asked
		sed -i -e 's,^regent/tenant=.*,regent/tenant="$tenant",' \
			-e "s,^regent/registration-token=.*,regent/registration-token=\"\$(cat $site/made)\"," "\$1"
	END
	m chmod 755 $site/editor
	m env DEBIAN_FRONTEND=editor VISUAL=$site/editor EDITOR=$site/editor dpkg -i /packages/regent_1.0.0_amd64.deb >/dev/null 2>&1
	expect 'Address of the tenant' m cat $site/asked
	expect 'ID of the application' m cat $site/asked
	expect 'Registration token' m cat $site/asked
	await 60 'serving 4 of 4' m regent status
	exits 1 m grep -rlF "$(m cat $site/made)" /var/cache/debconf /var/lib/dpkg /etc
	say "asked a person for tenant and registration token, and registered"
	expect 'Adresse des Mandanten' sh_m 'echo METAGET regent/tenant Description-de.UTF-8 | debconf-communicate'
	say "debconf has the questions in German too"

	# Asked again, it offers what is configured, and no token changes nothing.
	m dpkg-reconfigure -f noninteractive regent >/dev/null
	expect "^tenant: \"$tenant\"" m cat /etc/regent/config.d/10-installer.yaml
	expect 'serving 4 of 4' m regent status
	m rm /etc/regent/config.d/10-installer.yaml
	m dpkg -i /packages/regent_1.1.0_amd64.deb >/dev/null 2>&1
	exits 1 m test -e /etc/regent/config.d/10-installer.yaml
	say "dpkg-reconfigure kept the tenant; the file once deleted, an upgrade did not bring it back"
}

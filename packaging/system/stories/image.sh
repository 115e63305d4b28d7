# A golden image: what its copies share, and what they make for themselves.
story_image() {
	local image copy
	boot image
	emulator
	users
	site_config
	m dpkg -i /packages/regent_1.0.0_amd64.deb >/dev/null 2>&1
	site_file /etc/regent/config.d/40-tenant.yaml <<<"tenant: $tenant"
	m systemctl restart regentd.service
	registration_token $site/made 9
	m regent register --file $site/made --wait 2m >/dev/null
	expect 'serving 4 of 4' m regent status
	m regent seal-image --yes >/dev/null
	expect '^active$' m systemctl is-active regentd.service
	expect 'golden image' m regent token --application cad --instance 1
	image=$(m sha256sum /etc/credstore.encrypted/regent-keyring-passphrase)
	[[ $(m ls -A /var/lib/regent | paste -sd ' ') == 'lock sealed-image' ]] || fail "history is left: $(m ls -A /var/lib/regent)"
	exits 1 m test -e /var/lib/regent.mark/mark
	say "sealed: $(m sh -c 'ls /var/lib/regent | paste -sd " "') are left in its state directory"
	shut image

	# The copy, which is what the image starts as. The boot of a container is its
	# host's, which is the same one.
	echo another >"$machines/image/var/lib/regent/sealed-image"
	# A copy has a machine-id of its own, under which systemd uses no host key of the
	# image.
	tr -d - </proc/sys/kernel/random/uuid >"$machines/image/etc/machine-id"
	boot image
	copy=$(m sha256sum /etc/credstore.encrypted/regent-keyring-passphrase)
	[[ $copy != "$image" ]] || fail "the copy kept the image's passphrase"
	m systemd-run --quiet --unit=emulator tms-emulator --listen 127.0.0.1:8443 --ca-out $site/ca.pem --admin-password-file $site/password
	await 60 '^\[' admin registration-token list --json
	m rm $site/made
	registration_token $site/made 9
	m systemctl restart regentd.service
	m regent register --file $site/made --wait 2m >/dev/null
	expect 'serving 4 of 4' m regent status
	m systemctl restart regentd.service
	expect 'serving 4 of 4' m regent status
	say "its copy made a passphrase and a key of its own, and registered"
}

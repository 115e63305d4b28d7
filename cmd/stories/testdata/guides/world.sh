# A private machine for the commands of one document: bash world.sh PROGRAMS WORK WORLD, as
# root in new mount, network, process and host name namespaces. It makes the world, says
# "ready", then runs each file that a line of standard input names, in this one shell.
set -eu
programs=$1 work=$2 world=$3
mount --make-rprivate /
host=$(awk '{print $5}' /proc/self/mountinfo) devices=$(stat -c %d /dev)
mount -t tmpfs none /mnt
cp -a /etc /mnt/etc
mkdir /mnt/work && mount --bind "$work" /mnt/work
mkdir /mnt/local /mnt/local/bin
for program in regent regentd tmsctl tms-emulator; do
	touch /mnt/local/bin/$program
	mount --bind "$programs/$program" /mnt/local/bin/$program
	mount -o remount,bind,ro /mnt/local/bin/$program
done
# Nothing of the host can be changed from here. Some of its mounts are not in reach any more.
for mount in $host; do mount -o remount,bind,ro "$mount" 2>/dev/null || true; done
mount --bind /mnt/etc /etc
mount --rbind /mnt/local /usr/local
for directory in /run /tmp /root /var/lib; do mount -t tmpfs -o mode=755 none "$directory"; done
mount -t proc none /proc
mount -t tmpfs -o mode=755 none /dev
mkdir /dev/pts /dev/shm
mount -t devpts -o newinstance,ptmxmode=666 none /dev/pts
mount -t tmpfs -o mode=1777 none /dev/shm
umask 0
mknod /dev/null c 1 3
mknod /dev/zero c 1 5
mknod /dev/full c 1 7
mknod /dev/random c 1 8
mknod /dev/urandom c 1 9
mknod /dev/tty c 5 0
umask 022
ln -s pts/ptmx /dev/ptmx
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr
if [ "$(stat -c %d /dev)" = "$devices" ] || [ -w /usr ] || [ -w /sys ] || [ -w /usr/local/bin/regent ]; then
	echo "the world can change the host" >&2
	exit 1
fi
ip link set lo up
hostname laptop
cd /root

printf '127.0.0.1 localhost laptop demo-host.com\n' >/etc/hosts
cat >/usr/local/bin/sudo <<'SUDO'
#!/bin/sh
if [ "$1" = -u ]; then user=$2; shift 2; exec runuser -u "$user" -- "$@"; fi
exec "$@"
SUDO
chmod 755 /usr/local/bin/sudo
echo 'anna:x:4711:4711::/tmp:/bin/bash' >>/etc/passwd
echo 'engineering:x:4711:' >>/etc/group

rm -rf /etc/regent
mkdir -p /etc/regent/config.d /etc/regent/policy.d /run/regent
mkdir -m 700 /var/lib/regent
printf 'correct horse\n' >password
chmod 600 password

# until_true runs a command again and again until it succeeds.
until_true() { for _ in $(seq 3000); do if "$@" >/dev/null 2>&1; then return; fi; sleep 0.02; done; echo "never true: $*" >&2; exit 1; }

mkdir -p /etc/ssl/certs && rm -rf /etc/ssl/certs/*
tms-emulator --listen 127.0.0.1:443 --host demo-host.com --ca-out /etc/ssl/certs/ca-certificates.crt \
	--admin-password-file password --access-lifetime 1h </dev/null >/mnt/work/emulator.log 2>&1 &
until_true grep '^listening' /mnt/work/emulator.log

if [ "$world" != empty ]; then
	tmsctl --tenant demo-host.com --user admin --password-file password \
		registration-token create --identifier fleet --count 10 --out token >/dev/null
	cat >/etc/regent/config.yaml <<'YAML'
tenant: https://demo-host.com
applications:
  - id: cad
    instances: 2
    allow:
      - users: [root, anna]
YAML
fi
echo 'limits: {redeem_splay: 0s}' >/etc/regent/config.d/hurry.yaml # while the world is made
regentd run </dev/null >/mnt/work/regentd.log 2>&1 &
until_true regent version
until_true test -S /run/regent/agent.sock
if [ "$world" = stranger ]; then
	curl -fsS -H "Authorization: Basic $(cat token)" -H 'Content-Type: application/json' https://demo-host.com/token/api/v5/authTokens \
		-d '{"authToken":{"identifier":"pc-99-1","fqdn":"pc-99","refId1":"cad/1","refId2":"device-99"}}' >/dev/null
fi
if [ "$world" = live ] || [ "$world" = admin ] || [ "$world" = stranger ]; then
	regent register --stdin <token >/dev/null # at once: it waits for a file that was just written
	rm token
	until_true regent status
fi
if [ "$world" = exhausted ]; then
	tmsctl --tenant demo-host.com --user admin --password-file password \
		registration-token create --identifier laptops --count 1 --out token-laptops >/dev/null
	regent register --stdin <token-laptops >/dev/null || true # one instance gets no count
	rm token token-laptops
	until_true sh -c 'regent doctor | grep registration_exhausted'
fi
rm /etc/regent/config.d/hurry.yaml
regent reload >/dev/null

if [ "$world" = admin ] || [ "$world" = stranger ] || [ "$world" = exhausted ]; then
	mkdir -p .config/tmsctl
	cat >.config/tmsctl/profiles.yaml <<'YAML'
default: demo
profiles:
  demo: {tenant: https://demo-host.com, user: admin, password_file: /root/password}
YAML
	chmod 600 .config/tmsctl/profiles.yaml
fi

set +eu
echo ready
while read -r script; do
	. "$script" </dev/null >"$script.out" 2>&1
	echo "$?"
done

# A booted Debian, with systemd as process 1, in half a second: sourced by the run
# of each kind of stories. A machine is a directory with a root tree, under
# $machines, and its name is the directory's. It has a network of its own with
# nothing but loopback in it. say and fail are the run's.

# need COMMAND:PACKAGE... installs what this machine lacks.
need() {
	local missing=() pair
	for pair in "$@"; do
		command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
	done
	if ((${#missing[@]})); then
		say "installing ${missing[*]}"
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
	fi
}

# root_tree DIR PACKAGES makes the tree that machines are copies of, once, from
# the same mirror that this machine has. It is a Debian 12.
root_tree() {
	local mirror tar=$1.tar
	if [[ ! -d $1 ]]; then
		mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
		mkdir -p "${1%/*}"
		mmdebstrap --quiet --variant=minbase --include="$2" bookworm "$tar" "$mirror"
		rm -rf "$1.new"
		mkdir "$1.new"
		tar -C "$1.new" --exclude='./dev/*' -xf "$tar"
		rm "$tar"
		: >"$1.new/etc/machine-id"
		mv "$1.new" "$1"
	fi
	say "a root tree, $(du -sm "$1" | cut -f1) MB"
}

# packages DIR VERSION... builds packages into DIR, in those versions that are not
# there from an earlier run.
packages() {
	local dir=$1 version
	shift
	mkdir -p "$dir"
	for version in "$@"; do
		if [[ ! -e $dir/regent_${version}_amd64.deb ]]; then
			VERSION=$version packaging/build deb amd64 >/dev/null
			mv "out/"*"_${version}_amd64.deb" "$dir/"
		fi
		say "packages of version $version, $(cd "$dir" && stat -c '%n %s' ./*"_${version}_amd64.deb" | sed 's,^./,,; s/_[^ ]*//' | paste -sd ,) bytes"
	done
}

# group NAME prints the name of a machine's cgroup.
group() { echo "regent-$$-$1"; }

# boot NAME [nspawn options] boots a machine and waits until it runs.
boot() {
	local name=$1 hierarchy nspawn leader= state= n
	shift
	# Outside of a service manager nspawn leaves its cgroups where it was started.
	for hierarchy in systemd unified; do
		[[ -d /sys/fs/cgroup/$hierarchy ]] && mkdir -p "/sys/fs/cgroup/$hierarchy/$(group "$name")"
	done
	(
		for hierarchy in systemd unified; do
			[[ -d /sys/fs/cgroup/$hierarchy ]] && echo $BASHPID >"/sys/fs/cgroup/$hierarchy/$(group "$name")/cgroup.procs"
		done
		exec setsid systemd-nspawn -q -D "$machines/$name" --boot --register=no --keep-unit \
			--private-network --machine="$name" --console=pipe "$@" </dev/null >"$machines/$name.console" 2>&1
	) &
	nspawn=$!
	echo $nspawn >"$machines/$name.nspawn"
	for n in $(seq 600); do
		leader=$(pgrep -P $nspawn | head -n 1) || true
		[[ -n $leader ]] && state=$(nsenter -t "$leader" -a systemctl is-system-running 2>/dev/null) || true
		case $state in running | degraded) break ;; esac
		kill -0 $nspawn 2>/dev/null || break
		sleep 0.05
	done
	echo "$leader" >"$machines/$name.leader"
	if [[ $state != running ]]; then
		tail -n 20 "$machines/$name.console"
		[[ -z $leader ]] || nsenter -t "$leader" -a systemctl --failed --no-pager || true
		fail "$name does not come up: ${state:-no answer}"
	fi
}

# in_machine NAME COMMAND... runs a command in a machine, as root.
in_machine() {
	local name=$1
	shift
	nsenter -t "$(<"$machines/$name.leader")" -a env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive "$@"
}

# shut NAME shuts a machine down in good order, and ends the programs beside it
# whose numbers are in $machines/NAME.beside.
shut() {
	local name=$1 nspawn hierarchy n
	if [[ -e $machines/$name.beside ]]; then
		xargs -r kill 2>/dev/null <"$machines/$name.beside" || true
		rm -f "$machines/$name.beside"
	fi
	nspawn=$(<"$machines/$name.nspawn")
	kill -TERM "$nspawn" 2>/dev/null || true
	for n in $(seq 600); do
		kill -0 "$nspawn" 2>/dev/null || break
		sleep 0.05
	done
	# Its machine would go on without it.
	pgrep -P "$nspawn" | xargs -r kill -KILL || true
	kill -KILL "$nspawn" 2>/dev/null || true
	for hierarchy in systemd unified; do
		find "/sys/fs/cgroup/$hierarchy/$(group "$name")" -depth -type d -exec rmdir {} \; 2>/dev/null || true
	done
	rm -f "$machines/$name".{nspawn,leader}
}

# shut_all ends what still runs.
shut_all() {
	local file
	for file in "$machines"/*.nspawn; do
		[[ -e $file ]] || continue
		file=${file##*/}
		shut "${file%.nspawn}"
	done
}

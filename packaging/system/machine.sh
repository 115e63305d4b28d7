# A booted Debian, with systemd as process 1, in half a second: sourced by the run
# of each kind of stories. A machine is a directory with a root tree, under
# $machines, and its name is the directory's. It has a network of its own with
# nothing but loopback in it. say and fail are the run's.

# root_tree DIR PACKAGES makes the tree that machines are copies of, once, from
# the same mirror that this machine has. DIR is named after the Debian release.
root_tree() {
	local mirror tar=$1.tar lock
	mkdir -p "${1%/*}"
	exec {lock}>"$1.lock" # of several gates one makes it
	flock "$lock"
	if [[ ! -d $1 ]]; then
		mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sed -n 1p)
		for try in 1 2 3; do # a mirror may be away for a moment
			mmdebstrap --quiet --aptopt='Acquire::Retries "5"' --variant=minbase --include="$2" "${1##*/}" "$tar" "$mirror" && break
			((try < 3)) || fail "no root tree of Debian ${1##*/} from $mirror"
			say "the mirror failed; once more in 20 s"
			sleep 20
		done
		rm -rf "$1.new"
		mkdir "$1.new"
		tar -C "$1.new" --exclude='./dev/*' -xf "$tar"
		rm "$tar"
		: >"$1.new/etc/machine-id"
		mv "$1.new" "$1"
		say "a root tree of Debian ${1##*/}, $(du -sm "$1" | cut -f1) MB"
	fi
	exec {lock}>&-
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
	local name=$1 hierarchy nspawn leader= state= end=$((SECONDS + 120))
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
	disown $nspawn # its end is no news
	echo $nspawn >"$machines/$name.nspawn"
	while ((SECONDS < end)); do
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
# whose numbers are in $machines/NAME.beside. A machine that has to be killed
# fails its story.
shut() {
	local nspawn n
	end_beside "$1"
	nspawn=$(<"$machines/$1.nspawn")
	kill -TERM "$nspawn" 2>/dev/null || true
	for n in $(seq 1200); do
		kill -0 "$nspawn" 2>/dev/null || break
		sleep 0.05
	done
	if kill -0 "$nspawn" 2>/dev/null; then
		stop_jobs "$1" >&2 || true
		end_machine "$1"
		tail -n 20 "$machines/$1.console" >&2
		fail "$1 does not shut down within a minute"
	fi
	end_machine "$1"
}

# stop_jobs NAME prints what a machine still waits for.
stop_jobs() {
	in_machine "$1" systemctl list-jobs --no-pager
	in_machine "$1" systemctl list-units --no-pager --state=deactivating
}

# end_beside NAME ends the programs beside a machine.
end_beside() {
	if [[ -e $machines/$1.beside ]]; then
		xargs -r kill 2>/dev/null <"$machines/$1.beside" || true
		rm -f "$machines/$1.beside"
	fi
}

# end_machine NAME kills what is left of a machine.
end_machine() {
	local name=$1 nspawn hierarchy
	nspawn=$(<"$machines/$name.nspawn")
	# Its machine would go on without it.
	pgrep -P "$nspawn" | xargs -r kill -KILL || true
	kill -KILL "$nspawn" 2>/dev/null || true
	for hierarchy in systemd unified; do
		find "/sys/fs/cgroup/$hierarchy/$(group "$name")" -depth -type d -exec rmdir {} \; 2>/dev/null || true
	done
	rm -f "$machines/$name".{nspawn,leader}
}

# shut_all kills what still runs.
shut_all() {
	local file
	for file in "$machines"/*.nspawn; do
		[[ -e $file ]] || continue
		file=${file##*/}
		end_beside "${file%.nspawn}"
		end_machine "${file%.nspawn}"
	done
}

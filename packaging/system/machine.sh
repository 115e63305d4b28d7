# A booted Debian, with systemd as process 1, in half a second: sourced by run.
# A machine is a directory with a root tree, under $machines, and its name is the
# directory's. It has a network of its own with nothing but loopback in it.

# boot NAME [nspawn options] boots a machine and waits until it runs.
boot() {
	local name=$1 hierarchy nspawn leader= state= n
	shift
	# Outside of a service manager nspawn leaves its cgroups where it was started.
	for hierarchy in systemd unified; do
		[[ -d /sys/fs/cgroup/$hierarchy ]] && mkdir -p "/sys/fs/cgroup/$hierarchy/$name"
	done
	(
		for hierarchy in systemd unified; do
			[[ -d /sys/fs/cgroup/$hierarchy ]] && echo $BASHPID >"/sys/fs/cgroup/$hierarchy/$name/cgroup.procs"
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

# shut NAME shuts a machine down in good order.
shut() {
	local name=$1 nspawn hierarchy n
	nspawn=$(<"$machines/$name.nspawn")
	kill -TERM "$nspawn" 2>/dev/null || true
	for n in $(seq 600); do
		kill -0 "$nspawn" 2>/dev/null || break
		sleep 0.05
	done
	kill -KILL "$nspawn" 2>/dev/null || true
	for hierarchy in systemd unified; do
		find "/sys/fs/cgroup/$hierarchy/$name" -depth -type d -exec rmdir {} \; 2>/dev/null || true
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

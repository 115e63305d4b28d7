# People at booted machines: what they type, held against their guide and counted.
# Sourced by run, after stories.sh.

readonly typing=200 # characters a minute
declare -A typed_to=() heard_from=()
others=()
seat= guide= out= code= commands=0 letters=0 machine_ns=0

# boots NAME OPTION... boots a machine in which the tenant has the address of the guides. /share
# is common to the machines of a story: a network for the service, and for files.
boots() {
	printf '127.0.0.1 localhost %s demo-host.com\n' "$1" >"$machines/$1/etc/hosts"
	echo "$1" >"$machines/$1/etc/hostname"
	echo '%sudo ALL=(ALL) NOPASSWD: ALL' >"$machines/$1/etc/sudoers.d/people"
	boot "$1" --bind="$machines/share:/share" "${@:2}"
}

# office OPTION... boots the story's own machine, with the token service in it.
office() {
	boots "$story"
	m dpkg -i /packages/regent-emulator_1.0.0_amd64.deb >/dev/null
	sh_m 'umask 077; echo correct horse >/root/password'
	m systemd-run --quiet --unit=emulator tms-emulator --listen 127.0.0.1:443 --host demo-host.com \
		--ca-out /share/ca.pem --admin-password-file /root/password "$@"
	await 60 CERTIFICATE m cat /share/ca.pem
	m systemd-run --quiet --unit=wire --socket-property=ListenStream=/share/service \
		/lib/systemd/systemd-socket-proxyd 127.0.0.1:443
	sh_m 'mkdir -p /etc/ssl/certs; cp /share/ca.pem /etc/ssl/certs/ca-certificates.crt'
}

# branch NAME boots another machine, which reaches the token service of the office.
branch() {
	machine "$1"
	boots "$1"
	others+=("$1")
	in_machine "$1" systemd-run --quiet --unit=wire --socket-property=ListenStream=127.0.0.1:443 \
		/lib/systemd/systemd-socket-proxyd /share/service
	in_machine "$1" sh -c 'mkdir -p /etc/ssl/certs; cp /share/ca.pem /etc/ssl/certs/ca-certificates.crt'
}

# sits PERSON MACHINE [GROUPS] gives a person an account and a shell in a machine. The
# shell keeps its directory and its variables.
sits() {
	local pipe=$machines/$1@$2 fd
	in_machine "$2" useradd -m -s /bin/bash ${3:+-G "$3"} "$1"
	seat=$1@$2
	mkfifo "$pipe.in" "$pipe.out"
	in_machine "$2" setpriv --reuid="$1" --regid="$1" --init-groups env HOME="/home/$1" USER="$1" COLUMNS=80 bash -c '
		cd; exec 3<&0 </dev/null
		while IFS= read -r -d "" line <&3; do eval "$line" 3<&-; printf "\n%s\0" $?; done' <"$pipe.in" >"$pipe.out" 2>&1 &
	exec {fd}>"$pipe.in"
	typed_to[$seat]=$fd
	exec {fd}<"$pipe.out"
	heard_from[$seat]=$fd
}

# at SEAT has the person at PERSON@MACHINE go on.
at() { seat=$1; }

# reads GUIDE [TEXT=TEXT]... begins the count of a person who follows that guide. The
# right texts are the person's own values in the place of those of the guide.
reads() {
	local pair
	commands=0 letters=0 machine_ns=0
	guide=$(<"packaging/docs/$1.md")
	for pair in "${@:2}"; do guide=${guide//"${pair%%=*}"/"${pair#*=}"}; done
}

# types LINE has the person type a line, which the guide must show and which must
# succeed. Its output is in $out.
types() {
	in_guide "$1"
	types_own "$1"
}

# types_own LINE is the same for a line of the person's own.
types_own() {
	types_any "$1"
	((code == 0)) || fail "$1 ended with $code: $out"
}

# types_any LINE is the same for a line that may fail. Its exit code is in $code.
types_any() {
	printf '%23s%s$ %s\n' '' "${seat##*@}" "$1"
	commands=$((commands + 1)) letters=$((letters + ${#1} + 1))
	enters "$1"
}

# answers LINE [PROMPT ANSWER]... has the person type a line of the guide at a terminal,
# and an answer at each prompt.
answers() {
	local line=$1 pair answer
	in_guide "$line"
	printf '%23s%s$ %s\n' '' "${seat##*@}" "$line"
	commands=$((commands + 1)) letters=$((letters + ${#line} + 1))
	for ((pair = 2; pair < $#; pair += 2)); do
		printf '%25s%s %s\n' '' "${*:pair:1}" "${*:pair+1:1}"
		answer=${*:pair+1:1}
		letters=$((letters + ${#answer} + 1))
	done
	enters "python3 /packages/typist.py$(printf ' %q' "$@")"
	((code == 0)) || fail "$line ended with $code: $out"
}

# in_guide LINE fails unless the guide shows the line.
in_guide() {
	[[ $guide == *"$ $1"$'\n'* || $guide == *"\`$1\`"* ]] || fail "the guide does not show: $1"
}

# enters LINE enters a line, and reads what it prints.
enters() {
	local began
	began=$(date +%s%N)
	printf '%s\0' "$1" >&"${typed_to[$seat]}"
	IFS= read -r -t 300 -d '' out <&"${heard_from[$seat]}" || fail "$seat got no answer to: $1"
	machine_ns=$((machine_ns + $(date +%s%N) - began))
	code=${out##*$'\n'} out=${out%$'\n'*}
}

# writes FILE has the person write standard input into a file with an editor.
writes() {
	local text
	text=$(cat)
	printf '%23s%s$ editor %s (%d characters)\n' '' "${seat##*@}" "$1" ${#text}
	commands=$((commands + 1)) letters=$((letters + ${#1} + 8 + ${#text}))
	in_machine "${seat##*@}" setpriv --reuid="${seat%@*}" --regid="${seat%@*}" --init-groups sh -c 'cat >"$1"' - "/home/${seat%@*}/$1" <<<"$text"
}

# copies FILES SEAT has the person copy files into another person's home. The machines
# have no ssh: the line is counted, and the story copies.
copies() {
	local file
	printf '%23s%s$ scp %s %s:\n' '' "${seat##*@}" "$1" "$2"
	commands=$((commands + 1)) letters=$((letters + ${#1} + ${#2} + 7))
	for file in $1; do
		in_machine "${seat##*@}" cat "/home/${seat%@*}/$file" |
			in_machine "${2#*@}" sh -ec 'umask 077; cat >"/home/$1/$2"; chown "$1:" "/home/$1/$2"' - "${2%@*}" "${file##*/}"
	done
}

# shows TEXT fails unless the output of the last line has a line that matches TEXT.
shows() { grep -Eq -- "$1" <<<"$out" || fail "no /$1/ in: $out"; }

# sees SECONDS TEXT LINE has the person wait until the line shows the text. It counts
# as typed once, and the waiting as time of the machine.
sees() {
	local begun=$SECONDS began
	began=$(($(date +%s%N) - machine_ns))
	in_guide "$3"
	types_any "$3"
	until grep -Eq -- "$2" <<<"$out"; do
		((SECONDS - begun < $1)) || fail "$3 did not say /$2/ within $1 s, but: $out"
		sleep 0.3
		enters "$3"
	done
	machine_ns=$(($(date +%s%N) - began))
}

# counted NAME says what a person has typed since reads.
counted() {
	local seconds=$((letters * 60 / typing))
	say "$1: $commands commands, $((machine_ns / 100000000 / 10)).$((machine_ns / 100000000 % 10)) s of the machine; $letters characters are $((seconds / 60)) min $((seconds % 60)) s of typing"
}

# people_leave ends the shells and, at once, the story's machines but its own, which tell
# shuts.
people_leave() {
	local fd name
	for fd in "${typed_to[@]}" "${heard_from[@]}"; do exec {fd}>&-; done
	for name in "${others[@]}"; do
		end_machine "$name"
		unmake "$name"
	done
	typed_to=() heard_from=() others=()
	rm -rf "$machines"/*@* "$machines/share"
}

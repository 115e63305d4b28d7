// Package authz decides whether a local caller is allowed to do something.
//
// It does no I/O. It turns facts into a decision with a reason. A claim of the caller about
// itself is not a fact.
package authz

// Caller has the facts of the kernel about the process that asks.
type Caller struct {
	UID    string   // uid in decimal, or SID
	User   string   // the user's name; "" if the system knows none
	GIDs   []string // all groups, supplementary ones too: decimal, or SIDs
	Groups []string // the names of the groups that the system knows
	Admin  bool     // the account may administer; [Caller.Administers] decides
	// Confined returns how the process is separated from the system, for example by a
	// container, and which capabilities a process of root lacks; "" for none. It is
	// slow, so it is called only if an administrator wants to administer. nil means
	// neither. It is safe for concurrent use.
	Confined  func() (apart, lacks string)
	PID       int
	ParentPID int
	Start     uint64   // start time of the process, in the system's own unit
	Exe       string   // image path from the kernel, only for logs: no rule trusts it
	Unit      string   // a unit that asks as a whole, through the service manager, without a process yet; else ""
	Slices    []string // of such a unit
	Weak      bool     // identified by PID and start time, not by a handle from the socket

	// Evidence has the facts that only some rules need. nil proves nothing.
	Evidence Evidence
}

// Evidence reads further facts on demand, since they cost I/O. The platform provides it.
// Each method reads the present state of the process.
type Evidence interface {
	// IsExecutable reports whether the caller runs the file at path in the daemon's mount
	// namespace, compared by device and inode. Only root may be able to write the file
	// and all its parents. Otherwise why has the reason in a few words.
	IsExecutable(path string) (is bool, why string)
	// SHA256 returns the image's digest in lower-case hex.
	SHA256() (string, error)
	// Units returns the service manager's unit of the process, then the slices
	// that the unit is in, the innermost first.
	Units() ([]string, error)
	// UserNamed returns the id of the user with this name, "" if there is none.
	UserNamed(name string) (id string, err error)
	// GroupNamed returns the id of the group of this name, "" if there is none.
	GroupNamed(name string) (id string, err error)
	// Signer returns the signer of the image. The system verified the signature.
	Signer() (Signer, error)
}

// Executable is a program in a rule.
type Executable struct {
	Path   string
	SHA256 string // lower-case hex; "" admits any content
}

// Rule admits a caller who meets all its conditions. An empty condition is skipped. A rule
// without conditions admits nobody, and policy refuses it earlier.
type Rule struct {
	Users       []string // each in the form of [NormalizeUser]
	Groups      []string // each in the form of [NormalizeGroup]
	Executables []Executable
	Units       []string // with slices: all units in one
	Signers     []string // each in the form of [NormalizeSigner]
	Everyone    bool     // admits everybody explicitly

	Origin string // its place: "/etc/regent/config.yaml:12"
}

// Decision is an answer with its reason; both go to the audit log.
type Decision struct {
	Allow  bool
	Rule   string // the rule that decided: "allow[0] (/etc/regent/config.yaml:12)"; "" if none did
	Reason string // in words, for a log and for explain
	Doubt  string // if denied: a number in a rule may mean the caller or another account; also for the caller
}

// Package authz decides what a local caller may do.
//
// It does no I/O. Facts come in, a decision with its reason comes out. What a caller
// claims about itself is not a fact.
package authz

// Caller is what the kernel said about the process at the other end.
type Caller struct {
	UID    string   // uid in decimal, or SID
	User   string   // the user's name; "" if the system knows none
	GIDs   []string // all groups, supplementary ones too: decimal, or SIDs
	Groups []string // their names, as far as the system knows them
	Admin  bool     // the account may administer; [Caller.Administers] decides
	// Confined tells how the process is apart from the system, as in a container, and
	// which capabilities of root's it has not, if it is root's; "" is none. It is asked
	// only about an administrator who wants to administer, since it costs; nil is none.
	// It is safe for concurrent use.
	Confined  func() (apart, lacks string)
	PID       int
	ParentPID int
	Start     uint64   // start time of the process, in the system's own unit
	Exe       string   // image path as the kernel shows it; for logs, no rule trusts it
	Unit      string   // a unit that asks as a whole, through the service manager, without a process yet; else ""
	Slices    []string // of such a unit
	Weak      bool     // identified by PID and start time, not by a handle from the socket

	// Evidence answers what only some rules ask. nil proves nothing.
	Evidence Evidence
}

// Evidence is asked lazily, since its answers cost I/O. The platform provides
// it. Every method answers for the process as it is now.
type Evidence interface {
	// IsExecutable reports whether the caller runs the file that path names in
	// the daemon's own mount namespace, by device and inode, with the file and
	// all its parents root's alone. If not, why says so in a few words.
	IsExecutable(path string) (is bool, why string)
	// SHA256 returns the image's digest in lower-case hex.
	SHA256() (string, error)
	// Units returns the service manager's unit of the process, then the slices
	// that the unit is in, the innermost first.
	Units() ([]string, error)
	// UserNamed returns the id of the user who has this name, "" if nobody has.
	UserNamed(name string) (id string, err error)
	// GroupNamed returns the id of the group of this name, "" if there is none.
	GroupNamed(name string) (id string, err error)
	// Signer returns who signed the image, as the system verified it.
	Signer() (Signer, error)
}

// Executable is a program that a rule admits.
type Executable struct {
	Path   string
	SHA256 string // lower-case hex; "" admits any content
}

// Rule admits a caller if every condition in it holds. A condition that is
// empty is not asked; a rule without any condition admits nobody, and policy
// refuses it before it gets here.
type Rule struct {
	Users       []string // each in the form of [NormalizeUser]
	Groups      []string // each in the form of [NormalizeGroup]
	Executables []Executable
	Units       []string // with slices: all units in one
	Signers     []string // each in the form of [NormalizeSigner]
	Everyone    bool     // says aloud what an empty rule would say in silence

	Origin string // where it was written: "/etc/regent/config.yaml:12"
}

// Decision is an answer with its reason; both go to the audit log.
type Decision struct {
	Allow  bool
	Rule   string // the rule that decided: "allow[0] (/etc/regent/config.yaml:12)"; "" if none did
	Reason string // in words, for a log and for explain
	Doubt  string // if not: that a number in a rule may mean the caller or somebody else, for the caller too
}

package layout

// Access lists, in SDDL. They are protected: they inherit nothing.
const (
	// PipeAccess is the access list of the pipe, from its creation. It denies all access
	// from the network. SYSTEM and Administrators have all rights. Authenticated users
	// have [PipeReadWrite].
	PipeAccess = "D:P(D;;GA;;;NU)(A;;GA;;;SY)(A;;GA;;;BA)(A;;0x12019b;;;AU)"

	// DataAccess is for the folder below ProgramData. Users may read its names. New
	// files in it are for SYSTEM and Administrators unless they have a list of their
	// own, since one of them may be a registration token.
	DataAccess = "O:BAG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;;0x1200a9;;;BU)"

	// StateAccess is for the state directory and its content.
	StateAccess = "O:BAG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"

	// RegistrationTokenAccess is for the registration token file of an installer. Only
	// the daemon may read and delete it.
	RegistrationTokenAccess = "O:SYG:SYD:P(A;;FA;;;SY)" //nolint:gosec // an access list, not a token
)

// PipeReadWrite is FILE_GENERIC_READ and FILE_GENERIC_WRITE without
// FILE_CREATE_PIPE_INSTANCE. The generic right to write includes it, and a user with this
// right could answer instead of the daemon. A client requests no other rights.
const PipeReadWrite = 0x12019b

// The identities that control a device. Each of them can get the rights of the others.
const (
	SystemSID         = "S-1-5-18"
	AdministratorsSID = "S-1-5-32-544"
	// TrustedInstallerSID owns the files that come with Windows.
	TrustedInstallerSID = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
)

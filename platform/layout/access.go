package layout

// Access lists, in SDDL. They are protected: nothing is inherited from above.
const (
	// PipeAccess is who may do what with the pipe, from its first moment: nobody
	// from the network anything, SYSTEM and Administrators everything,
	// authenticated users [PipeReadWrite].
	PipeAccess = "D:P(D;;GA;;;NU)(A;;GA;;;SY)(A;;GA;;;BA)(A;;0x12019b;;;AU)"

	// DataAccess is of the folder below ProgramData: users may see what is there.
	// What is put into it is for SYSTEM and Administrators unless it says more,
	// since a registration token may be put there.
	DataAccess = "O:BAG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;;0x1200a9;;;BU)"

	// StateAccess is of the state directory and of all in it.
	StateAccess = "O:BAG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"

	// RegistrationTokenAccess is of the file that an installer puts a
	// registration token into. Only the daemon may read and erase it.
	RegistrationTokenAccess = "O:SYG:SYD:P(A;;FA;;;SY)" //nolint:gosec // who may, not what
)

// PipeReadWrite is FILE_GENERIC_READ and FILE_GENERIC_WRITE without
// FILE_CREATE_PIPE_INSTANCE, which the generic right to write holds too: who has
// that could answer in the daemon's place. A client asks for no more.
const PipeReadWrite = 0x12019b

// The users that are trusted with a device: who has one of these identities can
// have the other.
const (
	SystemSID         = "S-1-5-18"
	AdministratorsSID = "S-1-5-32-544"
	// TrustedInstallerSID is Windows's own, which what it comes with belongs to.
	TrustedInstallerSID = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
)

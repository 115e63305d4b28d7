package layout

// UpgradeCode tells Windows Installer that two packages are versions of the same
// product. It never changes: all other identifiers of the MSI are made from it.
const UpgradeCode = "{5C0B42B6-55D2-4F19-9E6B-2A0B0B6F6C11}"

// IncomingFolder is below [DataFolder]. The MSI puts the registration token that
// stood in a property there: Windows Installer sets access lists of folders, and
// what is made in this one is born with [RegistrationTokenAccess].
const (
	IncomingFolder = "incoming"
	IncomingAccess = "O:SYG:SYD:P(A;OICI;FA;;;SY)"
)

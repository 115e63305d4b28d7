package layout

// UpgradeCode shows Windows Installer that two packages are versions of the same product.
// It never changes: all other identifiers of the MSI derive from it.
const UpgradeCode = "{5C0B42B6-55D2-4F19-9E6B-2A0B0B6F6C11}"

// IncomingFolder is below [DataFolder]. The MSI stores the registration token from its
// property there. Windows Installer can set access lists of folders only, and a new file in
// this one gets [RegistrationTokenAccess].
const (
	IncomingFolder = "incoming"
	IncomingAccess = "O:SYG:SYD:P(A;OICI;FA;;;SY)"
)

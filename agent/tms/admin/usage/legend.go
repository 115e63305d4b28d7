package usage

import "slices"

// Meaning explains a result to a Contact Administrator.
type Meaning struct {
	Kind Kind
	Text string // what it means, in whole sentences
	Next string // the next step, in whole sentences
	// Commands of the next step; "" without one. OnDevice is for an administrator of the device.
	// Words in capitals are placeholders.
	OnDevice, Command string
}

// Commands of the next steps.
const (
	exportLedger = "regent ledger --csv >$(hostname).csv"
	deleteFound  = "tmsctl auth-token delete --from " + FindingsFile + " --dry-run"
)

// FindingsFile is the output of tmsctl investigate --csv in the commands.
const FindingsFile = "findings.csv"

const (
	listsOnly = " The command lists the auth tokens with yes in the column delete. To delete them, omit --dry-run."
	collect   = "Export the ledger of that device. Copy the file into the directory of ledgers. Make findings.csv again. "
)

// meanings is the only source of the legend in texts, help and pages.
var meanings = []Meaning{
	{
		NotInLedger, "This auth token has the names or the identifier of one of your devices, but it is not in the ledger of that device. Somebody may have copied the names. Or the device was installed again, and has a new ledger.",
		collect + "If the finding remains, delete the auth tokens that have yes in the column delete. If the device has a new ledger, write yes in that column yourself." + listsOnly, exportLedger, deleteFound,
	},
	{
		UnexpectedUser, "The host is yours. The inventory or the ledger expects another system user.",
		"If the user is right, correct the inventory. If not, delete the auth tokens." + listsOnly, "", deleteFound,
	},
	{
		UnexpectedHost, "The inventory does not have this host. If you gave no inventory: no ledger is from this host.",
		"If the host is yours, add it to the inventory, or export its ledger. If not, delete its auth tokens." + listsOnly, "", deleteFound,
	},
	{
		Clone, "One installation is on several hosts: a copied disk or image, or a renamed host.",
		"If you renamed the host, do nothing. If somebody copied the disk, run the command on the copy. The command shows its effect. Run it again with --yes: the copy then redeems again, for one count for each instance. If the copy is not in quarantine, run there: regent unregister, then regent register --file FILE.", "regent store register-again", "",
	},
	{
		Uncertain, "The device did not get the answer, but a count was used. Or the redemption was under way when the ledger was exported.",
		"If the column why says so, export the ledger again. If not, record on the device that a count was used. The column why has the identifier. Then delete the auth token: no device has it." + listsOnly, "regent ledger resolve IDENTIFIER --consumed", deleteFound,
	},
	{
		Orphan, "No device uses this auth token: its device is retired, was installed again, or has deleted it.",
		"Delete the auth tokens." + listsOnly, "", deleteFound,
	},
	{
		Duplicate, "One instance of a device has several auth tokens. The device uses one of them.",
		collect + "tmsctl then knows which one the device uses. Delete the others." + listsOnly, exportLedger, deleteFound,
	},
	{
		MissingAtService, "The ledger of a device has this auth token, but the service does not. It was deleted there.",
		"If the device is still in use, redeem again on the device, for one more count.", "regent instances redeem APPLICATION/NUMBER", "",
	},
	{
		NoCountUsed, "The device does not know if a count was used. The service has no such auth token, so no count was used.",
		"On the device, record that no count was used. The column why has the identifier. Regent then redeems again.", "regent ledger resolve IDENTIFIER --not-consumed", "",
	},
	{
		Unknown, "There is no ledger entry and no inventory row to compare this auth token with.",
		"Export the ledger of each device, copy the files into one directory, and investigate again. Or write an inventory, and add --devices inventory.csv.", exportLedger, "tmsctl investigate NAME --ledgers ledgers",
	},
	{Expected, "The ledger of its device has this auth token, or the inventory has its device.", "Nothing to do.", "", ""},
}

// NeedsFindings reports whether the command of the next step reads findings.csv.
func (m Meaning) NeedsFindings() bool { return m.Command == deleteFound }

// Meanings returns the meaning of each kind, in the order in which they are shown.
func Meanings() []Meaning { return slices.Clone(meanings) }

// Kinds returns all kinds in the order in which they are shown.
func Kinds() []Kind {
	var kinds []Kind
	for _, m := range meanings {
		kinds = append(kinds, m.Kind)
	}
	return kinds
}

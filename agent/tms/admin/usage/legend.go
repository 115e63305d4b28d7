package usage

import "slices"

// Meaning explains a result to a Contact Administrator.
type Meaning struct {
	Kind    Kind
	Text    string // what it means, in whole sentences
	Next    string // the next step, in whole sentences
	Command string // of the next step; "" without one. Words in capitals are placeholders.
}

// Commands of the next steps.
const (
	exportLedger = "sudo regent ledger --csv >DIR/$(hostname).csv"
	deleteFound  = "tmsctl auth-token delete --from findings.csv --dry-run"
)

const listsOnly = " The command lists them. To delete them, run it without --dry-run."

// meanings is the only source of the legend in texts, help and pages.
var meanings = []Meaning{
	{
		Unaccounted, "This auth token has the names or the identifier of one of your devices, but it is not in the ledger of that device. Somebody may have copied the names.",
		"Export the ledger of that device again, and investigate again. If the finding remains, delete the auth tokens that have yes in the column delete.", exportLedger,
	},
	{
		UnexpectedUser, "The host is yours. The inventory or the ledger expects another system user.",
		"If the user is right, correct the inventory. If not, delete the auth tokens." + listsOnly, deleteFound,
	},
	{
		UnexpectedHost, "The inventory does not have this host. If you gave no inventory: no ledger is from this host.",
		"If the host is yours, add it to the inventory, or export its ledger. If not, delete its auth tokens." + listsOnly, deleteFound,
	},
	{
		Clone, "One installation is on several hosts: a copied disk or image, or a renamed host.",
		"If somebody copied the disk, run this command on the copy. If you renamed the host, do nothing.", "regent doctor explain quarantined",
	},
	{
		Uncertain, "The device did not get the answer, but a count was used.",
		"On the device, record that a count was used. Then delete the auth token. No device has it.", "sudo regent ledger resolve IDENTIFIER --consumed",
	},
	{
		Orphan, "No device uses this auth token: its device is retired, was installed again, or has deleted it.",
		"Delete the auth tokens." + listsOnly, deleteFound,
	},
	{
		Duplicate, "One instance of a device has several auth tokens. The device uses one of them.",
		"Export the ledger of that device, so that tmsctl knows which one. Then delete the others.", exportLedger,
	},
	{
		MissingAtService, "The ledger of a device has this auth token, but the service does not. It was deleted there.",
		"If the device is still in use, redeem again on the device, for one more count.", "sudo regent instances redeem APPLICATION/NUMBER",
	},
	{
		NoCountUsed, "The device does not know if a count was used. The service has no such auth token, so no count was used.",
		"On the device, record that no count was used. Regent then redeems again.", "sudo regent ledger resolve IDENTIFIER --not-consumed",
	},
	{
		Unknown, "There is no ledger and no inventory to compare this auth token with.",
		"Collect ledgers or an inventory, and investigate again.", "tmsctl investigate NAME --ledgers DIR --devices FILE",
	},
	{Expected, "The ledger of its device has this auth token, or the inventory has its device.", "Nothing to do.", ""},
}

// Meanings returns the meaning of each kind, in the order in which they are shown. findings.csv
// is the output of tmsctl investigate --csv.
func Meanings() []Meaning { return slices.Clone(meanings) }

// Kinds returns all kinds in the order in which they are shown.
func Kinds() []Kind {
	var kinds []Kind
	for _, m := range meanings {
		kinds = append(kinds, m.Kind)
	}
	return kinds
}

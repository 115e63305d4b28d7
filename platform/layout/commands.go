package layout

import (
	"fmt"
	"strings"
)

// UsersSID is the group of all users who may log on.
const UsersSID = "S-1-5-32-545"

// SetAccessCommand returns the command for cmd, not PowerShell, that sets one of the
// access lists above on the directory at path. An administrator runs it.
// [TestSetAccessCommand] checks that it can express each list. It does not follow a link
// that somebody puts at path meanwhile.
func SetAccessCommand(path, access string) string {
	var grants []string
	_, list, _ := strings.Cut(access, "(")
	for entry := range strings.SplitSeq(strings.TrimSuffix(list, ")"), ")(") {
		f := strings.Split(entry, ";") // kind; inheritance; rights; ; ; who
		grants = append(grants, "*"+icaclsRights(f[5])+":"+icaclsRights(f[1])+icaclsRights(f[2]))
	}
	return fmt.Sprintf(`%s && icacls "%s" /inheritance:r /grant:r %s /L`, InheritAccessCommand(path), path, strings.Join(grants, " "))
}

// InheritAccessCommand returns the command that makes the object at path inherit the access
// of its directory. An administrator runs it.
func InheritAccessCommand(path string) string {
	return fmt.Sprintf(`icacls "%s" /setowner *%s /L && icacls "%[1]s" /reset /L`, path, AdministratorsSID)
}

// RemoveLinkCommand returns the command that removes a link to a directory or a file, but
// not its target. An administrator runs it.
func RemoveLinkCommand(path string, toDirectory bool) string {
	if toDirectory {
		return fmt.Sprintf(`rmdir "%s"`, path)
	}
	return fmt.Sprintf(`del "%s"`, path)
}

// icaclsRights translates a word of SDDL for icacls. It knows the words in our lists of
// directories.
func icaclsRights(word string) string {
	return map[string]string{
		"SY": SystemSID, "BA": AdministratorsSID, "BU": UsersSID,
		"OICI": "(OI)(CI)", "": "",
		"FA": "F", "0x1200a9": "RX",
	}[word]
}

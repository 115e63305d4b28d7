package layout

import (
	"fmt"
	"strings"
)

// UsersSID is of everybody who may log on.
const UsersSID = "S-1-5-32-545"

// SetAccessCommand returns the command, of cmd and not of PowerShell, with which an
// administrator gives the directory at path one of the access lists above again,
// whatever it has now. [TestSetAccessCommand] holds that it can say each of them. A link
// that somebody puts in its place meanwhile is not followed.
func SetAccessCommand(path, access string) string {
	var grants []string
	_, list, _ := strings.Cut(access, "(")
	for entry := range strings.SplitSeq(strings.TrimSuffix(list, ")"), ")(") {
		f := strings.Split(entry, ";") // kind; inheritance; rights; ; ; who
		grants = append(grants, "*"+icaclsRights(f[5])+":"+icaclsRights(f[1])+icaclsRights(f[2]))
	}
	return fmt.Sprintf(`%s && icacls "%s" /inheritance:r /grant:r %s /L`, InheritAccessCommand(path), path, strings.Join(grants, " "))
}

// InheritAccessCommand returns the command with which an administrator gives what is in
// such a directory the access that comes from there.
func InheritAccessCommand(path string) string {
	return fmt.Sprintf(`icacls "%s" /setowner *%s /L && icacls "%[1]s" /reset /L`, path, AdministratorsSID)
}

// RemoveLinkCommand returns the command with which an administrator removes a link to a
// directory, or to a file, and not what is there.
func RemoveLinkCommand(path string, toDirectory bool) string {
	if toDirectory {
		return fmt.Sprintf(`rmdir "%s"`, path)
	}
	return fmt.Sprintf(`del "%s"`, path)
}

// icaclsRights is a word of SDDL in that program's words; of those that our lists of
// directories use.
func icaclsRights(word string) string {
	return map[string]string{
		"SY": SystemSID, "BA": AdministratorsSID, "BU": UsersSID,
		"OICI": "(OI)(CI)", "": "",
		"FA": "F", "0x1200a9": "RX",
	}[word]
}

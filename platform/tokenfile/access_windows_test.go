package tokenfile

import (
	"testing"

	"golang.org/x/sys/windows"

	"regent/platform/files"
	"regent/platform/layout"
)

func TestCheckList(t *testing.T) {
	const (
		self      = "S-1-5-80-1"
		users     = "S-1-5-32-545"
		everybody = "S-1-1-0"
	)
	tests := []struct {
		name   string
		owner  string
		grants []files.Grant
		want   string
	}{
		{"closed", layout.AdministratorsSID, []files.Grant{{SID: layout.SystemSID, Mask: windows.FILE_READ_DATA}, {SID: layout.AdministratorsSID, Mask: windows.FILE_READ_DATA}, {SID: self, Mask: windows.FILE_READ_DATA}, {SID: ownerRightsSID, Mask: windows.FILE_READ_DATA}}, ""},
		{"attributes only", layout.SystemSID, []files.Grant{{SID: users, Mask: windows.FILE_READ_ATTRIBUTES}}, ""},
		{"its own", self, nil, ""},
		{"a stranger's", "S-1-5-21-1-1001", nil, `belongs to S-1-5-21-1-1001, so anybody could have put it there; run: icacls "F" /setowner *S-1-5-32-544`},
		{"users read", layout.SystemSID, []files.Grant{{SID: users, Mask: windows.FILE_READ_DATA}, {SID: everybody, Mask: windows.FILE_READ_DATA}, {SID: users, Mask: windows.FILE_READ_DATA}}, `is open to S-1-5-32-545, S-1-1-0; run: icacls "F"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantError(t, checkList("F", files.AccessList{Owner: tt.owner, Grants: tt.grants}, self), tt.want)
		})
	}
}

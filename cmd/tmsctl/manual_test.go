package main

import (
	"testing"

	"regent/packaging/manualtest"
)

var manual = manualtest.NewFlags()

func TestManual(t *testing.T) {
	manualtest.Write(t, manual, (&tool{}).root(), "1", manualtest.Page{
		Files: [][2]string{{"~/.config/tmsctl/profiles.yaml", "The profiles: tenants with their login flags. It contains no secret."}},
		Environment: [][2]string{
			{"TMSCTL_TENANT", "The address of the service, if --tenant is not given."},
			{"TMSCTL_PROFILE", "The profile, if --profile is not given."},
			{"TMSCTL_PROFILES", "The file of the profiles."},
			{"BROWSER", "The program that tmsctl login --browser opens."},
		},
	})
}

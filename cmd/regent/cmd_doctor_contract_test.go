package main

import (
	"strings"
	"testing"

	"regent/agent/fault"
	"regent/agent/status"
)

func contractOf(fits status.Fit) status.Contract {
	return status.Contract{Tenants: []status.TenantContract{{Tenant: "demo-host.com", Forms: []status.Form{
		{Title: "service path", Tag: "O", Key: "contract.base_path", Configured: "/token/api/v5", Answers: []string{"/token/api/v5"}, Fits: status.FitYes, Why: "idpConfigurations is there"},
		{Title: "refresh", Tag: "A", Key: "refresh.mode", Configured: "oidc", Answers: []string{"tms", "tms_registration"}, Fits: fits, Why: "these modes refused a made-up token, not the request"},
		{Title: "reply to a redemption", Tag: "F", Taken: "wrapped or bare", Key: "contract.reply", Configured: "any", Answers: []string{}, Fits: status.FitUnknown, Why: "known after the first redemption"},
	}}}}
}

func TestDoctorContract(t *testing.T) {
	failed := contractOf(status.FitYes)
	failed.Tenants[0].Failed = "network.ca_file: no such file"
	tests := []struct {
		name string
		c    status.Contract
		err  error
		code int
		want []string
	}{
		{"fits", contractOf(status.FitYes), nil, exitDone, []string{"refresh A tms, tms_registration", "known after the first redemption", "no count was used", "----- end -----"}},
		{"does not fit", contractOf(status.FitNo), nil, exitDegraded, []string{"DOES NOT FIT: refresh.mode is oidc", "set refresh.mode: tms or tms_registration"}},
		{"could not be asked", failed, nil, exitDegraded, []string{"cannot ask this tenant: network.ca_file"}},
		{"no tenant", status.Contract{}, nil, exitDone, []string{"names no tenant yet"}},
		{"denied", status.Contract{}, fault.Errorf("contract", fault.Denied, "for administrators"), exitDenied, []string{"for administrators"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := cliRun{daemon: &fakeDaemon{contract: tt.c, err: tt.err}}.run(t, "doctor", "--contract")
			for _, want := range tt.want {
				if !strings.Contains(strings.Join(strings.Fields(got.Out+got.Err), " "), want) {
					t.Errorf("got:\n%s%s\nwant %q", got.Out, got.Err, want)
				}
			}
			if got.Code != tt.code {
				t.Errorf("exit %d, want %d", got.Code, tt.code)
			}
		})
	}
}

// TestDoctorContractFitsATerminal of 80 columns.
func TestDoctorContractFitsATerminal(t *testing.T) {
	for line := range strings.Lines(renderContract(contractOf(status.FitNo))) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 {
			t.Errorf("%d characters wide: %q", n, line)
		}
	}
}

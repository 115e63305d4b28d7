package doctor

import (
	"fmt"
	"strings"

	"regent/agent/fault"
)

const generated = "<!-- made by go generate ./configs -->\n"

// RunbookPages returns the pages by the names of their files: CODE.md, and README.md,
// which lists them. A code that the doctor and the interface share has one page.
func RunbookPages() map[string]string {
	parts := map[string][]string{}
	for _, e := range Table() {
		parts[string(e.Code)] = []string{doctorPart(e)}
	}
	for _, k := range fault.Kinds() {
		parts[string(k)] = append(parts[string(k)], interfacePart(k))
	}
	pages := map[string]string{"README.md": indexPage()}
	for code, all := range parts {
		pages[code+".md"] = fmt.Sprintf("# %s\n\n%s\n%s", code, generated, strings.Join(all, "\n"))
	}
	return pages
}

// Explain returns the page of a code for a screen. ok is false if there is no such code.
func Explain(code string) (page string, ok bool) {
	page, ok = RunbookPages()[code+".md"]
	return strings.Replace(page, generated+"\n", "", 1), ok && code != "README"
}

func doctorPart(e Entry) string {
	var b strings.Builder
	bad := fmt.Sprintf("A %s.", e.Severity)
	if e.Severity == Info {
		bad = "Nothing is wrong."
	}
	fmt.Fprintf(&b, "`regent doctor` says: %s. %s\n\n## Cause\n\n%s\n\n## What to do\n\n", e.Title, bad, e.Cause)
	for _, s := range []struct{ reader, step string }{
		{"User", e.User}, {"Administrator of the device", e.Administrator}, {"Administrator, on Windows", e.OnWindows}, {"Contact Administrator", e.Contact},
	} {
		if s.step != "" {
			fmt.Fprintf(&b, "- **%s**: %s\n", s.reader, s.step)
		}
	}
	return b.String()
}

// interfacePart explains an error of the local interface.
func interfacePart(k fault.Kind) string {
	return fmt.Sprintf("## In the local interface\n\nA program that asked the agent got the `code` `%s`: %s.\n\n- **Application**: %s\n", k, k.Advice(), programAdvice(k)) +
		"- **User and administrator**: `regent status` shows the instance. `regent doctor` shows the cause.\n"
}

// programAdvice is the next step of a program that got the code.
func programAdvice(k fault.Kind) string {
	switch k {
	case fault.InvalidRequest:
		return "correct the request. `PROTOCOL.md`, beside the guides, has the fields of each call. Do not retry."
	case fault.Throttled, fault.Unavailable, fault.RefreshUncertain, fault.StoreLocked:
		return "retry after `retry_after` seconds, or after 1 minute without it."
	case fault.NoFreeInstance:
		return "retry when another process of the application has ended, or show the user the running ones."
	case fault.Internal:
		return "show `detail` to the user and retry once. It is a defect of the agent."
	}
	return "show `detail` to the user. Retry only after somebody has corrected the cause."
}

func indexPage() string {
	var b strings.Builder
	b.WriteString("# Runbook\n\n" + generated + "\nOne page for each code that `regent doctor` names, and for each `code` of the local interface. `regent doctor explain CODE` shows the same without this directory.\n\nThe commands are for Linux. On Windows, leave out `sudo` and use a terminal that runs as administrator.\n\n")
	b.WriteString("| regent doctor says | severity | meaning |\n|---|---|---|\n")
	for _, e := range Table() {
		fmt.Fprintf(&b, "| [%s](%s.md) | %s | %s |\n", e.Code, e.Code, e.Severity, e.Title)
	}
	b.WriteString("\n| the local interface answers | meaning |\n|---|---|\n")
	for _, k := range fault.Kinds() {
		fmt.Fprintf(&b, "| [%s](%s.md) | %s |\n", k, k, k.Advice())
	}
	return b.String()
}

package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"regent/platform/layout"
)

// InstalledFiles lists the files that are installed, in the order of the cabinet.
func InstalledFiles() []Installed {
	files := []Installed{
		{File: layout.Daemon + ".exe", Component: "Daemon", dir: programDir},
		{File: layout.Client + ".exe", Component: "Client", dir: programDir},
		{File: layout.Administrator + ".exe", Component: "Administrator", dir: programDir},
		{File: "LICENSE.txt", Component: "Documents", dir: programDir},
		{File: "NOTICES.txt", Component: "Documents", dir: programDir},
		{File: "REFERENCE.md", Component: "Documents", dir: programDir, short: "REFERE~1.MD"},
		{File: "config.example.yaml", Component: "Documents", dir: programDir, short: "CONFIG~1.YAM"},
		{File: "regent.admx", Component: "Policies", dir: admxDir, short: "REGENT~1.ADM"},
		{File: "regent.adml", Component: "PolicyTexts", dir: admlDir, short: "REGENT~1.ADM"},
	}
	for _, g := range guides {
		key := strings.ReplaceAll(g.name, "-", "_")
		files = append(files, Installed{File: key, Component: "Guides", dir: guidesDir, name: g.name, short: g.short})
	}
	return files
}

// guides are the documents that packaging/guides copies.
var guides = []struct{ name, short string }{
	{"questions.md", "QUESTI~1.MD"},
	{"end-user.md", "END-US~1.MD"},
	{"application-developer.md", "APPLIC~1.MD"},
	{"it-linux.md", "IT-LIN~1.MD"},
	{"it-windows.md", "IT-WIN~1.MD"},
	{"contact-administrator.md", "CONTAC~1.MD"},
	{"operations.md", "OPERAT~1.MD"},
	{"monitoring.md", "MONITO~1.MD"},
	{"siem.md", ""},
	{"verification.md", "VERIFI~1.MD"},
	{"architecture.md", "ARCHIT~1.MD"},
	{"PROTOCOL.md", ""},
	{"openapi.json", "OPENAP~1.JSO"},
	{"CONTRACT.md", ""},
	{"regent.rules.yml", "REGENT~1.YML"},
	{"regent.dashboard.json", "REGENT~1.JSO"},
	{"detect.ps1", ""},
	{"oma-uri.csv", ""},
}

// Installed is one of the files that are installed.
type Installed struct {
	File      string // its key in the cabinet, and its name if name is empty
	Component string
	dir       string
	name      string // on the device
	short     string // its name for programs that know only 8.3, if that is another
}

// The features: the agent, and optionally the Contact Administrator's tool
// (ADDLOCAL=ALL).
const (
	mainFeature  = "Agent"
	adminFeature = "Administrator"
)

// component64 marks every component: it uses the 64-bit view of the registry.
const component64 = 0x100

// keyIsRegistry says that a component is there if a registry value is.
const keyIsRegistry = 0x4

func (d *database) files() {
	d.table("Feature").add(mainFeature, "", layout.Product, layout.Describe(layout.Daemon)+".", "2", "1", programDir, "16")
	d.table("Feature").add(adminFeature, "", layout.Administrator, layout.Describe(layout.Administrator)+".", "4", "100", programDir, "0")
	seen := map[string]bool{}
	for i, p := range InstalledFiles() {
		f := d.Files[i]
		if !seen[p.Component] {
			seen[p.Component] = true
			d.component(p.Component, p.dir, 0, "", p.File)
		}
		name := cmp.Or(p.name, p.File)
		if p.short != "" {
			name = p.short + "|" + name
		}
		language := ""
		if f.Version != "" {
			language = "1033"
		} else {
			d.hash(f)
		}
		d.table("File").add(p.File, p.Component, name, fmt.Sprint(f.Size), f.Version, language, "512", strconv.Itoa(i+1))
	}
	d.table("Media").add("1", strconv.Itoa(len(d.Files)), "", "#"+Cabinet)

	// The command line is there in every console. The value stands for the earlier
	// content, so that uninstalling removes this part alone.
	d.table("Environment").add("Path", "=-*PATH", "[~];["+programDir+"]", "Client")
}

// Cabinet is the name of the stream that holds the files.
const Cabinet = "regent.cab"

// hash records the hash that identifies a file without a version.
func (d *database) hash(f File) {
	row := []string{f.Name, "0"}
	for _, part := range f.Hash {
		row = append(row, strconv.Itoa(int(int32(part)))) //nolint:gosec // the table holds the bits as a signed number
	}
	d.table("MsiFileHash").add(row...)
}

// component adds a component. Its identifier is its name's: a component of the
// same name is the same one in every version.
func (d *database) component(name, dir string, attributes int, condition, keyPath string) {
	d.table("Component").add(name, identifier("component", name, d.Arch), dir, strconv.Itoa(component64|attributes), condition, keyPath)
	feature := mainFeature
	if name == adminFeature {
		feature = adminFeature
	}
	d.table("FeatureComponents").add(feature, name)
}

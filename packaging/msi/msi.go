package main

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"regent/platform/layout"
)

// Build has the inputs of one package.
type Build struct {
	Version  string // of the package: 1.2.3, which is all that Windows Installer compares
	Arch     string // amd64 or arm64
	Language string // of its texts: de
	License  string // the licence, as the first dialog shows it
	Files    []File // the files of Payload, in that order
}

// File is a file as it goes into the cabinet.
type File struct {
	Name    string    // its key, of those in Payload
	Size    int64     // bytes
	Version string    // of its version resource; "" if it has none
	Hash    [4]uint32 // MD5, of which Windows Installer compares files without a version
}

// templates are how Windows Installer calls the architectures.
var templates = map[string]string{"amd64": "x64", "arm64": "Arm64"}

// versionForm matches a version of Windows Installer: three numbers of one, one and two
// bytes. A fourth would be ignored in every comparison.
var versionForm = regexp.MustCompile(`^(\d{1,3})\.(\d{1,3})\.(\d{1,5})$`)

// Tables returns all tables, by name.
func Tables(b Build) ([]Table, error) {
	d, err := newDatabase(b)
	if err != nil {
		return nil, err
	}
	d.fill()
	var out []Table
	for _, name := range slices.Sorted(maps.Keys(d.tables)) {
		t := *d.tables[name]
		if err := t.check(); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// fill adds all rows.
func (d *database) fill() {
	d.product()
	d.directories()
	d.files()
	d.service()
	d.settings()
	d.actions()
	d.sequences()
	d.dialogs()
}

func newDatabase(b Build) (*database, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	l, err := find(b.Language)
	if err != nil {
		return nil, err
	}
	t, err := texts(b.Language)
	if err != nil {
		return nil, err
	}
	return &database{Build: b, language: l, texts: t, said: map[string]bool{}, tables: map[string]*Table{}}, nil
}

func (b Build) check() error {
	if templates[b.Arch] == "" {
		return fmt.Errorf("an MSI is built for amd64 or arm64, not for %q", b.Arch)
	}
	m := versionForm.FindStringSubmatch(b.Version)
	if m == nil {
		return fmt.Errorf("the version %q is not of the form 1.2.3", b.Version)
	}
	for i, most := range []int{255, 255, 65535} {
		if n, err := strconv.Atoi(m[i+1]); err != nil || n > most {
			return fmt.Errorf("the version %q: number %d is at most %d", b.Version, i+1, most)
		}
	}
	var names, want []string
	for _, f := range b.Files {
		names = append(names, f.Name)
	}
	for _, p := range InstalledFiles() {
		want = append(want, p.File)
	}
	if !slices.Equal(names, want) {
		return fmt.Errorf("the files are %q, and have to be %q", names, want)
	}
	if b.License == "" {
		return errors.New("the license text is empty")
	}
	return nil
}

// database is the package under construction. Each method adds rows about one matter.
type database struct {
	Build
	language language
	texts    map[string]string // in that language, by key
	said     map[string]bool   // the keys that stand in a table
	tables   map[string]*Table
}

// table returns the table of that name.
func (d *database) table(name string) *Table {
	if d.tables[name] == nil {
		d.tables[name] = newTable(name)
	}
	return d.tables[name]
}

// property sets a property that the database brings.
func (d *database) property(name, value string) { d.table("Property").add(name, value) }

// The directories, as the tables call them.
const (
	programDir  = "INSTALLDIR"
	guidesDir   = "GUIDESDIR"
	dataDir     = "DATADIR"
	incomingDir = "INCOMINGDIR"
	admxDir     = "ADMXDIR"
	admlDir     = "ADMLDIR"
)

func (d *database) directories() {
	t := d.table("Directory")
	t.add("TARGETDIR", "", "SourceDir")
	t.add("ProgramFiles64Folder", "TARGETDIR", ".")
	t.add(programDir, "ProgramFiles64Folder", layout.ProgramFolder)
	t.add(guidesDir, programDir, "guides")
	t.add("CommonAppDataFolder", "TARGETDIR", ".")
	t.add(dataDir, "CommonAppDataFolder", layout.DataFolder)
	t.add(incomingDir, dataDir, layout.IncomingFolder)
	t.add("WindowsFolder", "TARGETDIR", ".")
	t.add(admxDir, "WindowsFolder", "POLICY~1|PolicyDefinitions")
	t.add(admlDir, admxDir, "en-US")
}

// product describes the package: its name, the versions that it replaces, and its launch
// conditions.
func (d *database) product() {
	d.property("ProductName", layout.Product)
	d.property("ProductCode", identifier("product", d.Version, d.Arch, d.Language))
	d.property("ProductVersion", d.Version)
	d.property("ProductLanguage", d.language.number)
	d.property("Manufacturer", layout.Publisher)
	d.property("UpgradeCode", layout.UpgradeCode)
	d.property("ALLUSERS", "1") // per machine
	d.property("ARPNOMODIFY", "1")
	d.property("ARPPRODUCTICON", icon)
	d.property("MSIRESTARTMANAGERCONTROL", "Disable") // the service is stopped by its own table
	d.property("REBOOT", "ReallySuppress")
	d.table("Icon").add(icon, icon+".ibd")

	// From the same version on is an upgrade; a higher one is left alone.
	d.table("Upgrade").add(layout.UpgradeCode, "", d.Version, "", "513", "", "OLDERFOUND") // migrate the features, inclusive
	d.table("Upgrade").add(layout.UpgradeCode, d.Version, "", "", "2", "", "NEWERFOUND")   // only detect
	d.table("LaunchCondition").add("Installed OR NOT NEWERFOUND", d.say("launch.newer"))
	d.table("LaunchCondition").add("Installed OR VersionNT >= 603", d.say("launch.windows"))

	s := d.table("_SummaryInformation")
	s.add("1", codePage)
	s.add("2", "Installation Database")
	s.add("3", layout.Product)
	s.add("4", layout.Publisher)
	s.add("5", "Installer")
	s.add("6", "This installer database contains "+layout.Product+" "+d.Version+".")
	s.add("7", templates[d.Arch]+";"+d.language.number)
	s.add("14", "500") // Windows Installer 5
	s.add("15", "2")   // long names, compressed
	s.add("18", layout.Product+" packaging")
	s.add("19", "2") // recommended to be read-only
}

// icon is the file of the program's picture.
const icon = "regent.ico"

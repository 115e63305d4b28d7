package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"regent/platform/layout"
)

// writeResources writes the description of the resources and the manifest into dir.
func writeResources(dir, program, version, numbers string) error {
	r, err := resources(program, version, numbers)
	if err != nil {
		return err
	}
	m, err := manifest(program)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "winres.json"), r, 0o600), //nolint:gosec // the caller names the directory
		os.WriteFile(filepath.Join(dir, manifestFile), m, 0o600),  //nolint:gosec // the caller names the directory
	)
}

const (
	manifestFile = "manifest.xml"
	english      = "0409" // of the United States, which Windows falls back to
)

// resources returns go-winres's description: of each kind of resource, each by its
// number and its language.
func resources(program, version, numbers string) ([]byte, error) {
	about := layout.Describe(program)
	if about == "" {
		return nil, fmt.Errorf("%q is none of our programs", program)
	}
	info := map[string]any{
		"fixed": map[string]string{"file_version": numbers, "product_version": numbers},
		"info": map[string]any{english: map[string]string{
			"CompanyName":      layout.Publisher,
			"FileDescription":  about,
			"FileVersion":      version,
			"InternalName":     program,
			"OriginalFilename": program + ".exe",
			"ProductName":      layout.Product,
			"ProductVersion":   version,
		}},
	}
	one := func(v any) any { return map[string]any{"#1": map[string]any{english: v}} }
	return json.MarshalIndent(map[string]any{
		"RT_MANIFEST": one(manifestFile),
		"RT_VERSION":  map[string]any{"#1": map[string]any{english: info}},
	}, "", "  ")
}

// manifest returns the manifest that Windows reads before the program runs. The program
// runs with its caller's rights, knows Windows 10 and later, and takes long paths. Its
// texts are UTF-8.
func manifest(program string) ([]byte, error) {
	var name bytes.Buffer
	if err := xml.EscapeText(&name, []byte(layout.Product+"."+program)); err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">
  <assemblyIdentity type="win32" name="%s" version="1.0.0.0" processorArchitecture="*"/>
  <trustInfo xmlns="urn:schemas-microsoft-com:asm.v3">
    <security>
      <requestedPrivileges>
        <requestedExecutionLevel level="asInvoker" uiAccess="false"/>
      </requestedPrivileges>
    </security>
  </trustInfo>
  <compatibility xmlns="urn:schemas-microsoft-com:compatibility.v1">
    <application>
      <supportedOS Id="{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}"/>
    </application>
  </compatibility>
  <application xmlns="urn:schemas-microsoft-com:asm.v3">
    <windowsSettings>
      <longPathAware xmlns="http://schemas.microsoft.com/SMI/2016/WindowsSettings">true</longPathAware>
      <activeCodePage xmlns="http://schemas.microsoft.com/SMI/2019/WindowsSettings">UTF-8</activeCodePage>
    </windowsSettings>
  </application>
</assembly>
`, name.String()), nil
}

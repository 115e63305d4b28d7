package main

import "strings"

// schema has Windows Installer's definitions of the tables in this package. The first
// columns, as many as keys, are the primary key.
var schema = map[string]struct {
	keys    int
	columns string
}{
	"ActionText":             {1, "Action:s72 Description:L64 Template:L128"},
	"AdminExecuteSequence":   {1, sequenceColumns},
	"AdminUISequence":        {1, sequenceColumns},
	"AdvtExecuteSequence":    {1, sequenceColumns},
	"AppSearch":              {2, "Property:s72 Signature_:s72"},
	"Binary":                 {1, "Name:s72 Data:v0"},
	"Component":              {1, "Component:s72 ComponentId:S38 Directory_:s72 Attributes:i2 Condition:S255 KeyPath:S72"},
	"Control":                {2, "Dialog_:s72 Control:s50 Type:s20 X:i2 Y:i2 Width:i2 Height:i2 Attributes:I4 Property:S50 Text:L0 Control_Next:S50 Help:L50"},
	"ControlCondition":       {4, "Dialog_:s72 Control_:s50 Action:s50 Condition:s255"},
	"ControlEvent":           {5, "Dialog_:s72 Control_:s50 Event:s50 Argument:s255 Condition:S255 Ordering:I2"},
	"CreateFolder":           {2, "Directory_:s72 Component_:s72"},
	"CustomAction":           {1, "Action:s72 Type:i2 Source:S72 Target:S255 ExtendedType:I4"},
	"Dialog":                 {1, "Dialog:s72 HCentering:i2 VCentering:i2 Width:i2 Height:i2 Attributes:I4 Title:L128 Control_First:s50 Control_Default:S50 Control_Cancel:S50"},
	"Directory":              {1, "Directory:s72 Directory_Parent:S72 DefaultDir:l255"},
	"DrLocator":              {3, "Signature_:s72 Parent:S72 Path:S255 Depth:I2"},
	"Environment":            {1, "Environment:s72 Name:l255 Value:L255 Component_:s72"},
	"Error":                  {1, "Error:i2 Message:L0"},
	"EventMapping":           {3, "Dialog_:s72 Control_:s50 Event:s50 Attribute:s50"},
	"Feature":                {1, "Feature:s38 Feature_Parent:S38 Title:L64 Description:L255 Display:I2 Level:i2 Directory_:S72 Attributes:i2"},
	"FeatureComponents":      {2, "Feature_:s38 Component_:s72"},
	"File":                   {1, "File:s72 Component_:s72 FileName:l255 FileSize:i4 Version:S72 Language:S20 Attributes:I2 Sequence:i4"},
	"Icon":                   {1, "Name:s72 Data:v0"},
	"InstallExecuteSequence": {1, sequenceColumns},
	"InstallUISequence":      {1, sequenceColumns},
	"LaunchCondition":        {1, "Condition:s255 Description:l255"},
	"Media":                  {1, "DiskId:i2 LastSequence:i4 DiskPrompt:L64 Cabinet:S255 VolumeLabel:S32 Source:S72"},
	"MoveFile":               {1, "FileKey:s72 Component_:s72 SourceName:L255 DestName:L255 SourceFolder:S72 DestFolder:s72 Options:i2"},
	"MsiFileHash":            {1, "File_:s72 Options:i2 HashPart1:i4 HashPart2:i4 HashPart3:i4 HashPart4:i4"},
	"MsiLockPermissionsEx":   {1, "MsiLockPermissionsEx:s72 LockObject:s72 Table:s32 SDDLText:s0 Condition:S255"},
	"MsiServiceConfig":       {1, "MsiServiceConfig:s72 Name:s255 Event:i2 ConfigType:i4 Argument:S0 Component_:s72"},
	"Property":               {1, "Property:s72 Value:l0"},
	"RadioButton":            {2, "Property:s72 Order:i2 Value:s64 X:i2 Y:i2 Width:i2 Height:i2 Text:L64 Help:L50"},
	"RegLocator":             {1, "Signature_:s72 Root:i2 Key:s255 Name:S255 Type:I2"},
	"Registry":               {1, "Registry:s72 Root:i2 Key:l255 Name:L255 Value:L0 Component_:s72"},
	"RemoveFile":             {1, "FileKey:s72 Component_:s72 FileName:L255 DirProperty:s72 InstallMode:i2"},
	"ServiceControl":         {1, "ServiceControl:s72 Name:l255 Event:i2 Arguments:L255 Wait:I2 Component_:s72"},
	"ServiceInstall":         {1, "ServiceInstall:s72 Name:s255 DisplayName:L255 ServiceType:i4 StartType:i4 ErrorControl:i4 LoadOrderGroup:S255 Dependencies:S255 StartName:S255 Password:S255 Arguments:S255 Component_:s72 Description:L255"},
	"Signature":              {1, "Signature:s72 FileName:s255 MinVersion:S20 MaxVersion:S20 MinSize:I4 MaxSize:I4 MinDate:I4 MaxDate:I4 Languages:S255"},
	"TextStyle":              {1, "TextStyle:s72 FaceName:s32 Size:i2 Color:I4 StyleBits:I2"},
	"UIText":                 {1, "Key:s72 Text:L255"},
	"Upgrade":                {5, "UpgradeCode:s38 VersionMin:S20 VersionMax:S20 Language:S255 Attributes:i4 Remove:S255 ActionProperty:s72"},
	"_SummaryInformation":    {1, "PropertyId:i2 Value:l255"},
}

const sequenceColumns = "Action:s72 Condition:S255 Sequence:I2"

// newTable returns an empty table of the schema.
func newTable(name string) *Table {
	s, ok := schema[name]
	if !ok {
		panic("[unexpected] the schema has no table " + name)
	}
	t := &Table{Name: name, Keys: s.keys}
	for column := range strings.FieldsSeq(s.columns) {
		name, kind, _ := strings.Cut(column, ":")
		t.Columns = append(t.Columns, Column{Name: name, Type: kind})
	}
	return t
}

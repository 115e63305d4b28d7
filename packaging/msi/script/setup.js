// Writes the file of regent setup for the application of the dialog or the command line.
// CustomActionData has its path, the ID, the number of instances and the users, with bars
// between them. The file appears whole. An existing file stays.

// quoted returns a name as YAML.
function quoted(name) {
	var plain = /^[A-Za-z][A-Za-z0-9._-]*$/.test(name) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(name);
	return plain ? name : '"' + name.replace(/\\/g, "\\\\") + '"';
}

function names(users) {
	var parts = users.split(","), out = [];
	for (var i = 0; i < parts.length; i++) {
		var name = parts[i].replace(/^\s+|\s+$/g, "");
		if (name != "") {
			out.push(quoted(name));
		}
	}
	return out.join(", ");
}

function WriteSetup() {
	var data = Session.Property("CustomActionData").split("|");
	var path = data[0], users = names(data[3]);
	var files = new ActiveXObject("Scripting.FileSystemObject");
	if (files.FileExists(path)) {
		return 1;
	}
	var folder = files.GetParentFolderName(path);
	if (!files.FolderExists(folder)) {
		files.CreateFolder(folder);
	}
	var file = files.CreateTextFile(path + ".new", true, false);
	file.Write("# Written by regent setup. To change it, run the command again.\n" +
		"applications:\n" +
		"  - id: " + quoted(data[1]) + "\n" +
		"    instances: " + data[2] + " # each costs one count of a registration token\n");
	if (users != "") {
		file.Write("    allow: # one matching rule is enough\n      - {users: [" + users + "]}\n");
	}
	file.Close();
	files.MoveFile(path + ".new", path);
	return 1;
}

// DropSetup is for an install that fails after all. It runs only if there was no file.
function DropSetup() {
	var path = Session.Property("CustomActionData");
	var files = new ActiveXObject("Scripting.FileSystemObject");
	var names = [path, path + ".new"];
	for (var i = 0; i < names.length; i++) {
		if (files.FileExists(names[i])) {
			files.DeleteFile(names[i], true);
		}
	}
	return 1;
}

// What is done with a registration token that stood in a property. It comes in
// CustomActionData, after the path and a bar, and is written to a file in a
// directory that the system alone can open, where the service finds it. The file
// appears whole.

function pathOf(data) {
	return data.substring(0, data.indexOf("|"));
}

function WriteToken() {
	var data = Session.Property("CustomActionData");
	var path = pathOf(data);
	var files = new ActiveXObject("Scripting.FileSystemObject");
	var file = files.CreateTextFile(path + ".new", true, false);
	file.Write(data.substring(path.length + 1));
	file.Close();
	if (files.FileExists(path)) {
		files.DeleteFile(path, true);
	}
	files.MoveFile(path + ".new", path);
	return 1;
}

// DropToken is for an install that fails after all.
function DropToken() {
	var path = pathOf(Session.Property("CustomActionData"));
	var files = new ActiveXObject("Scripting.FileSystemObject");
	var names = [path, path + ".new"];
	for (var i = 0; i < names.length; i++) {
		if (files.FileExists(names[i])) {
			files.DeleteFile(names[i], true);
		}
	}
	return 1;
}

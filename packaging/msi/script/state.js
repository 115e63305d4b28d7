// What an uninstall takes along if policy says so: the folder of the state, which
// comes in CustomActionData. Only administrators could have put a link there.

function RemoveState() {
	var path = Session.Property("CustomActionData").replace(/\\$/, "");
	var files = new ActiveXObject("Scripting.FileSystemObject");
	if (files.FolderExists(path)) {
		files.DeleteFolder(path, true);
	}
	return 1;
}

// The checks of what the installer is told, in its dialogs and on its command
// line. Each leaves in AnswerProblem what is wrong, or nothing; none tells a
// secret. They are kept to the first edition of the language that Windows
// Installer is sure to have.

function told(name) {
	return Session.Property(name).replace(/^\s+|\s+$/g, "");
}

// problem returns a text in the language of the package.
function problem(name) {
	return Session.Property("Problem" + name);
}

function conclude(text) {
	Session.Property("AnswerProblem") = text;
	return 1;
}

function tenantProblem() {
	var tenant = told("TENANT");
	Session.Property("TENANT") = tenant;
	if (tenant == "") {
		return "";
	}
	if (!new RegExp(Session.Property("TenantPattern")).test(tenant)) {
		return problem("TenantForm");
	}
	if (/^http:/i.test(tenant) && !/^http:\/\/(localhost|127\.[0-9.]+|\[::1\])(:[0-9]+)?\/?$/i.test(tenant)) {
		return problem("TenantHTTPS");
	}
	return "";
}

function tokenProblem() {
	var token = told("REGISTRATIONTOKEN");
	Session.Property("REGISTRATIONTOKEN") = token;
	if (/[^\x21-\x7e]/.test(token)) {
		return problem("TokenForm");
	}
	return "";
}

function pathProblem(name, text) {
	var path = told(name).replace(/^"|"$/g, "");
	Session.Property(name) = path;
	return path == "" || new RegExp(Session.Property("PathPattern")).test(path) ? "" : problem(text);
}

function absentProblem(name, text) {
	var path = Session.Property(name);
	if (path == "" || new ActiveXObject("Scripting.FileSystemObject").FileExists(path)) {
		return "";
	}
	return problem(text).split("%1").join(path);
}

// CheckTenant is behind the button of the dialog that asks for it.
function CheckTenant() {
	if (told("TENANT") == "") {
		return conclude(problem("TenantMissing"));
	}
	return conclude(tenantProblem());
}

// CheckToken is behind the button of the dialog that asks for it.
function CheckToken() {
	var from = Session.Property("TOKENFROM");
	if (from == "text") {
		return conclude(told("REGISTRATIONTOKEN") == "" ? problem("TokenMissing") : tokenProblem());
	}
	if (from == "file") {
		if (told("REGISTRATIONTOKENFILE") == "") {
			return conclude(problem("FileMissing"));
		}
		return conclude(pathProblem("REGISTRATIONTOKENFILE", "TokenPath") || absentProblem("REGISTRATIONTOKENFILE", "TokenFileAbsent"));
	}
	return conclude("");
}

function applicationProblem() {
	var id = told("APPLICATION"), number = told("INSTANCES"), users = told("USERS");
	Session.Property("APPLICATION") = id;
	Session.Property("INSTANCES") = number;
	Session.Property("USERS") = users;
	if (id == "") {
		return users == "" ? "" : problem("ApplicationMissing");
	}
	if (!new RegExp(Session.Property("ApplicationPattern")).test(id)) {
		return problem("ApplicationForm");
	}
	if (!/^[1-9][0-9]{0,4}$/.test(number) || Number(number) > Number(Session.Property("InstancesMax"))) {
		return problem("InstancesForm");
	}
	return /^[A-Za-z0-9._\\$@, -]*$/.test(users) ? "" : problem("UsersForm");
}

// CheckApplication runs when a person presses Next in the application dialog.
function CheckApplication() {
	return conclude(applicationProblem());
}

// CheckAnswers looks at all that was given. The file of a registration token
// may come later, that of a configuration may not.
function CheckAnswers() {
	return conclude(tenantProblem() || tokenProblem() || applicationProblem() ||
		pathProblem("REGISTRATIONTOKENFILE", "TokenPath") ||
		pathProblem("CONFIGFILE", "ConfigPath") || absentProblem("CONFIGFILE", "ConfigFileAbsent"));
}

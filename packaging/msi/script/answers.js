// The checks of what the installer is told, in its dialogs and on its command
// line. Each leaves in AnswerProblem what is wrong, or nothing; none tells a
// secret. They are kept to the first edition of the language that Windows
// Installer is sure to have.

function told(name) {
	return Session.Property(name).replace(/^\s+|\s+$/g, "");
}

function conclude(problem) {
	Session.Property("AnswerProblem") = problem;
	return 1;
}

function tenantProblem() {
	var tenant = told("TENANT");
	Session.Property("TENANT") = tenant;
	if (tenant == "") {
		return "";
	}
	if (!new RegExp(Session.Property("TenantPattern")).test(tenant)) {
		return "The address of the tenant is a host or a URL, such as demo-host.com or https://demo-host.com/.";
	}
	if (/^http:/i.test(tenant) && !/^http:\/\/(localhost|127\.[0-9.]+|\[::1\])(:[0-9]+)?\/?$/i.test(tenant)) {
		return "The address of the tenant begins with https://.";
	}
	return "";
}

function tokenProblem() {
	var token = told("REGISTRATIONTOKEN");
	Session.Property("REGISTRATIONTOKEN") = token;
	if (/[^\x21-\x7e]/.test(token)) {
		return "A registration token is one word of letters, digits and signs: copy it whole, and nothing else.";
	}
	return "";
}

function pathProblem(name, what) {
	var path = told(name).replace(/^"|"$/g, "");
	Session.Property(name) = path;
	if (path != "" && !new RegExp(Session.Property("PathPattern")).test(path)) {
		return "Give the whole path of the file with " + what + ", such as C:\\Users\\Public\\" + (name == "CONFIGFILE" ? "config.yaml." : "token.txt.");
	}
	return "";
}

function missingProblem(name, what) {
	var path = Session.Property(name);
	if (path != "" && !new ActiveXObject("Scripting.FileSystemObject").FileExists(path)) {
		return "There is no file " + path + ", which is to hold " + what + ".";
	}
	return "";
}

// CheckTenant is behind the button of the dialog that asks for it.
function CheckTenant() {
	if (told("TENANT") == "") {
		return conclude("Give the address of the tenant. Your administrator knows it.");
	}
	return conclude(tenantProblem());
}

// CheckToken is behind the button of the dialog that asks for it.
function CheckToken() {
	var from = Session.Property("TOKENFROM");
	if (from == "text") {
		return conclude(told("REGISTRATIONTOKEN") == "" ? "Give the registration token, or choose to do so later." : tokenProblem());
	}
	if (from == "file") {
		if (told("REGISTRATIONTOKENFILE") == "") {
			return conclude("Give the file with the registration token, or choose to do so later.");
		}
		return conclude(pathProblem("REGISTRATIONTOKENFILE", "the registration token") || missingProblem("REGISTRATIONTOKENFILE", "the registration token"));
	}
	return conclude("");
}

// CheckAnswers looks at all that was given. The file of a registration token
// may come later, that of a configuration may not.
function CheckAnswers() {
	return conclude(tenantProblem() || tokenProblem() ||
		pathProblem("REGISTRATIONTOKENFILE", "the registration token") ||
		pathProblem("CONFIGFILE", "the configuration") || missingProblem("CONFIGFILE", "the configuration"));
}

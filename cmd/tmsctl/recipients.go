package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"regent/agent/tms/admin"
	"regent/agent/token"
	"regent/platform/files"
	"regent/platform/terminal"
)

// recipient is a line of --per-recipient. It gets a registration token of its own.
type recipient struct {
	name string
	new  admin.NewRegistrationToken
}

// recipientName matches names of files that every system accepts.
var recipientName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$`)

// readRecipients reads the CSV: a head with the column recipient, and optionally count,
// ref_id_1, ref_id_2 and customer. These override the flags.
func readRecipients(name string, common admin.NewRegistrationToken, say func(string, ...any)) ([]recipient, error) {
	rows, err := readCSV(name, csvColumns{needed: []string{"recipient"}, optional: []string{"count", "ref_id_1", "ref_id_2", "customer"}, say: say})
	if err != nil {
		return nil, usagef("--per-recipient %v", err)
	}
	seen := map[string]bool{}
	var all []recipient
	for _, row := range rows {
		who := row.text("recipient")
		// Two names that differ in case are one file on some systems.
		lower := strings.ToLower(who)
		switch {
		case !recipientName.MatchString(who):
			return nil, usagef("--per-recipient %s:%d: recipient %q: a file gets this name: use 1 to 100 of A-Z a-z 0-9 . _ @ + -, and begin with a letter or digit%s", name, row.line, who, encodingError(who))
		case seen[lower]:
			return nil, usagef("--per-recipient %s:%d: recipient %q: the name is there twice; upper and lower case count as the same", name, row.line, who)
		}
		seen[lower] = true
		n := common
		n.Identifier = common.Identifier + "-" + who
		if text := row.text("count"); text != "" {
			if n.Count, err = strconv.Atoi(text); err != nil {
				return nil, usagef("--per-recipient %s:%d: column \"count\": %q is no number", name, row.line, text)
			}
		}
		if err := checkRecipientCount(row, n.Count); err != nil {
			return nil, usagef("--per-recipient %s:%d: %v", name, row.line, err)
		}
		for column, to := range map[string]*string{"ref_id_1": &n.RefID1, "ref_id_2": &n.RefID2, "customer": &n.Customer} {
			if text := row.text(column); text != "" {
				*to = text
			}
		}
		all = append(all, recipient{who, n})
	}
	if len(all) == 0 {
		return nil, usagef("--per-recipient %s: no recipient in it", name)
	}
	return all, nil
}

// checkRecipientCount refuses the count of a row. Without one in the row it is that of --count.
func checkRecipientCount(row csvRow, count int) error {
	cell, has := row.cells["count"]
	switch {
	case count == 0 && !has:
		return fmt.Errorf("%s has no count: the file has no column \"count\"\nadd this column, or give all the same count with --count N", row.text("recipient"))
	case count == 0 && strings.TrimSpace(cell) == "":
		return fmt.Errorf("%s has no count: the cell in column \"count\" is empty\nwrite a number there, or give --count N for the rows without one", row.text("recipient"))
	}
	if err := admin.CheckCount(count); err != nil {
		return fmt.Errorf("column \"count\": %s", strings.TrimPrefix(err.Error(), "count "))
	}
	return nil
}

// encodingError says that another program read a text in a wrong encoding and saved it.
func encodingError(text string) string {
	if strings.ContainsRune(text, utf8.RuneError) {
		return "; another program damaged a character: correct it and save the file as \"CSV UTF-8\""
	}
	if right, err := charmap.ISO8859_1.NewEncoder().String(text); err == nil && right != text && utf8.ValidString(right) {
		return fmt.Sprintf("; it looks like %q, saved in a wrong encoding: save the file as \"CSV UTF-8\"", right)
	}
	return ""
}

// createForEach makes one registration token for each recipient, in a file of their own.
// It can be repeated: it finds existing tokens in the service's list, by the identifier.
func (t *tool) createForEach(ctx context.Context, o createFlags) error {
	now := t.now()
	var err error
	if o.new.Expires, err = expiry(o.expires, now); err != nil {
		return err
	}
	if o.new.Identifier == "" {
		return usagef("--per-recipient needs --identifier NAME: each token is called NAME-RECIPIENT, so a repeated command finds it")
	}
	if err := checkIdentifier(o.new.Identifier); err != nil {
		return err
	}
	all, err := readRecipients(o.perRecipient, o.new, t.say)
	if err != nil {
		return err
	}
	for _, r := range all {
		if err := r.new.Check(now); err != nil {
			return usagef("recipient %s: %v", r.name, err)
		}
	}
	if o.dry {
		for _, r := range all {
			into := cmp.Or(o.bundle.file, directory{o.outDir}.file(r))
			if err := t.printf("would create %s, count %d, into %s\n", r.new.Identifier, r.new.Count, into); err != nil {
				return err
			}
		}
		return nil
	}
	out, err := t.tokens(ctx, o)
	if err != nil {
		return err
	}
	return t.asAdministrator(ctx, func(s *admin.Session) error { return t.makeEach(ctx, s, all, out) })
}

// tokenSink stores the new registration tokens.
type tokenSink interface {
	// reserve reserves space on the disk for a token, before it is created.
	reserve(recipient) (*reserved, error)
	// store stores a token, and returns the name of its file once it is durable. The
	// space is nil for a token that the service shows again.
	store(recipient, admin.RegistrationToken, *reserved) (file string, err error)
	// stored reports whether an earlier run stored the token of this id. The token is
	// zero if it cannot be read.
	stored(r recipient, id string) (token.Secret, bool)
	// close ends the storage, complete or not, and describes the result for a person.
	close(whole bool) (said string, err error)
	// next says what to do with the tokens.
	next() string
}

// tokens makes the place for them, before anything is sent.
func (t *tool) tokens(ctx context.Context, o createFlags) (tokenSink, error) {
	if o.bundle.file != "" {
		return t.newBundle(ctx, o.bundle)
	}
	if err := os.MkdirAll(o.outDir, 0o700); err != nil {
		return nil, usagef("--out-dir: %v", err)
	}
	return directory{o.outDir}, nil
}

// tokenSuffix ends the name of a recipient's file.
const tokenSuffix = ".token"

// directory has a file for each token.
type directory struct{ path string }

func (d directory) file(r recipient) string { return filepath.Join(d.path, r.name+tokenSuffix) }

func (d directory) reserve(r recipient) (*reserved, error) {
	if _, err := os.Lstat(d.file(r)); err == nil {
		return nil, fmt.Errorf("%s has other content; move it away", d.file(r))
	}
	return reserve(d.path, tokenSpace)
}

func (d directory) store(r recipient, is admin.RegistrationToken, into *reserved) (string, error) {
	if into == nil {
		return d.file(r), keepToken(d.file(r), is.Token)
	}
	return d.file(r), into.keepAs(d.file(r), []byte(reveal(is.Token)))
}

func (d directory) stored(r recipient, _ string) (token.Secret, bool) {
	content, err := os.ReadFile(d.file(r))
	if err != nil { // keep will say so
		return token.Secret{}, false
	}
	secret, err := token.ParseRegistration(content)
	return secret, err == nil
}

func (directory) close(bool) (string, error) { return "", nil }

func (d directory) next() string {
	return fmt.Sprintf(`wrote the registration tokens to %s (secret, readable by you only)
each recipient runs, %s
  regent register --file NAME%s --erase
then delete your copies:
  %s %s
`, terminal.Printable(d.path), onDevice, tokenSuffix, deleteCommand(), d.pattern())
}

// pattern matches the files in a command line.
func (d directory) pattern() string {
	if runtime.GOOS == "windows" { // del expands a pattern in quotes
		return terminal.Quote(terminal.Printable(filepath.Join(d.path, "*"+tokenSuffix)))
	}
	return terminal.Quote(terminal.Printable(d.path)) + "/*" + tokenSuffix
}

// recipientResult is the result for one recipient.
type recipientResult struct {
	Recipient  string `json:"recipient"`
	Identifier string `json:"identifier"`
	ID         string `json:"id"`
	File       string `json:"file"`
	Outcome    string `json:"outcome"` // made, found

	Fingerprint string `json:"fingerprint,omitempty"` // as devices show it to administrators
}

func (t *tool) makeEach(ctx context.Context, s *admin.Session, all []recipient, out tokenSink) error {
	list, err := s.RegistrationTokens(ctx, admin.RegistrationFilter{})
	if err != nil {
		return err
	}
	there := map[string][]admin.RegistrationToken{}
	for _, r := range list {
		there[r.Identifier] = append(there[r.Identifier], r)
	}
	progress := t.progress("registration tokens", len(all))
	done := []recipientResult{}
	var stopped error
	for _, r := range all {
		one, err := t.makeOne(ctx, s, r, there[r.new.Identifier], out)
		if err != nil {
			stopped = fmt.Errorf("recipient %s: %w", r.name, err)
			break
		}
		done = append(done, one)
		progress.step()
	}
	progress.end()
	said, err := out.close(stopped == nil)
	if err = errors.Join(stopped, err); err != nil {
		return errors.Join(err, t.reportEach(done, len(all), ""), fmt.Errorf("%d of %d are done%s; repeat the command to create the others", len(done), len(all), said))
	}
	if err := t.reportEach(done, len(all), said); err != nil {
		return fmt.Errorf("%d of %d are done%s; cannot print their list: %w", len(done), len(all), said, err)
	}
	if !t.flags.json {
		t.say("%s", out.next())
	}
	return nil
}

func (t *tool) makeOne(ctx context.Context, s *admin.Session, r recipient, there []admin.RegistrationToken, out tokenSink) (recipientResult, error) {
	if len(there) > 1 {
		return recipientResult{}, fmt.Errorf("%d registration tokens are called %s; delete all but one, or choose another --identifier", len(there), r.new.Identifier)
	}
	if len(there) == 0 {
		return t.makeNew(ctx, s, r, out)
	}
	is, err := t.existingToken(ctx, s, r, there[0], out)
	if err != nil {
		return recipientResult{}, fmt.Errorf("%s exists already, but %w", r.new.Identifier, err)
	}
	file, err := out.store(r, is, nil)
	if err != nil {
		return recipientResult{}, fmt.Errorf("cannot write the token of %s: %w", r.new.Identifier, err)
	}
	return t.resultOf(r, is, file), nil
}

func (t *tool) makeNew(ctx context.Context, s *admin.Session, r recipient, out tokenSink) (recipientResult, error) {
	into, err := out.reserve(r)
	if err != nil {
		return recipientResult{}, fmt.Errorf("%w; %s was not created", err, r.new.Identifier)
	}
	defer into.discard()
	is, odd := t.createToken(ctx, s, r.new) // odd with a token: one was made, and it is not as asked
	if odd != nil && is.Token.IsZero() {
		return recipientResult{}, odd
	}
	// Store it first: the service may not show it again.
	file, err := out.store(r, is, into)
	if err != nil {
		return recipientResult{}, errors.Join(odd, notKept(is, err))
	}
	result := t.resultOf(r, is, file)
	if odd != nil {
		return recipientResult{}, fmt.Errorf("registration token %s was created, and is in %s: %w", is.ID, file, odd)
	}
	if !is.Found {
		result.Outcome = "made"
	}
	return result, nil
}

// resultOf is the result for a registration token that was there. It records the fingerprint.
func (t *tool) resultOf(r recipient, is admin.RegistrationToken, file string) recipientResult {
	t.warnUnusualToken(is)
	return recipientResult{r.name, is.Identifier, is.ID, file, "found", t.fingerprint(is)}
}

// existingToken returns a registration token of an earlier run, with its secret. If the
// service does not show the secret any more, it takes the stored one, if its fingerprint
// is the recorded one. An error completes a sentence.
func (t *tool) existingToken(ctx context.Context, s *admin.Session, r recipient, is admin.RegistrationToken, out tokenSink) (admin.RegistrationToken, error) {
	const other = "; choose another --identifier"
	switch {
	case is.Flaw != "":
		return is, fmt.Errorf("the service's answer cannot be read: %s%s", is.Flaw, other)
	case is.Usability(s.Now()) == admin.Expired:
		return is, fmt.Errorf("its last day was %s%s", is.LastDay(), other)
	case is.Count != r.new.Count:
		return is, fmt.Errorf("its count is %d, and you asked for %d%s", is.Count, r.new.Count, other)
	case !is.Token.IsZero():
		return is, nil
	}
	one, err := s.RegistrationToken(ctx, is.ID)
	if is.Token = one.Token; err != nil || !is.Token.IsZero() {
		return is, err
	}
	recorded := t.readFingerprints()[is.ID]
	var why string
	switch kept, ok := out.stored(r, is.ID); {
	case ok && kept.IsZero():
		return is, nil
	case !ok:
		why = "no file of an earlier run has it"
	case recorded == "":
		why = "its fingerprint is not recorded here, so the file of an earlier run cannot be checked"
	case token.Fingerprint(kept) == recorded:
		is.Token = kept
		return is, nil
	default:
		why = "the file of this recipient has another token"
	}
	return is, fmt.Errorf("the service does not show its token any more, and %s\nif nobody has the token, delete it and repeat the command: tmsctl registration-token delete %s", why, tableCell(is.ID))
}

// keepToken writes a file for its owner alone, whole or not at all. It never changes an
// existing file. If that has another content, it fails.
func keepToken(name string, secret token.Secret) error {
	old, err := os.ReadFile(name) //nolint:gosec // its directory was named by the person
	switch {
	case err == nil && token.NewSecret(string(old)).Equal(secret):
		return nil
	case err == nil:
		return fmt.Errorf("%s has other content; move it away", name)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return files.Write(name, []byte(reveal(secret)), 0o600)
}

func (t *tool) reportEach(done []recipientResult, of int, said string) error {
	if t.flags.json {
		return t.printJSON(done)
	}
	rows := [][]string{{"RECIPIENT", "OUTCOME", "ID", "FILE", "FINGERPRINT", "IDENTIFIER"}}
	for _, m := range done {
		rows = append(rows, []string{m.Recipient, m.Outcome, m.ID, m.File, m.Fingerprint, m.Identifier})
	}
	return t.printf("%s%s", t.table(rows), t.wrap(fmt.Sprintf("%d of %d%s\n", len(done), of, said)))
}

// progress is a line that counts on a terminal; elsewhere it says nothing.
type progress struct {
	t        *tool
	what     string
	done, of int
}

func (t *tool) progress(what string, of int) *progress { return &progress{t: t, what: what, of: of} }

func (p *progress) step() {
	p.done++
	if p.t.terminal {
		p.t.say("\r%s: %d of %d", p.what, p.done, p.of)
	}
}

func (p *progress) end() {
	if p.t.terminal && p.done > 0 {
		p.t.say("\n")
	}
}

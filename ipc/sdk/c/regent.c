/* See regent.h. Sources of facts: unix(7) for SO_PEERCRED, getauxval(3) for AT_SECURE. */
#define _GNU_SOURCE
#include "regent.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/regent/agent.sock"
#define DAEMON_USER "regent"
#define MAX_HEADER 16384    /* bytes */
#define MAX_BODY 1048576    /* bytes */
#define MAX_DEPTH 64        /* of JSON */
#define TIMEOUT 45.0        /* seconds for one answer: the agent waits up to 30 s */
#define RETRY_AFTER 5.0     /* seconds between tries while the token in memory is valid */
#define MAX_LIFE 315360000. /* ten years, in seconds */

struct regent_source {
	pthread_mutex_t lock;
	char *application, *socket;
	pid_t pid; /* who made the connection and has the lease */
	int fd;    /* -1 without a connection */
	regent_token_value token; /* without a token if access_token is NULL */
	double ask_at, expires_at;
};

/* The last error of a call in this thread. */
static _Thread_local struct {
	char code[64], detail[512];
	long retry_after;
} last = {"ok", "", 0};

/* A text that grows. It is wiped when it moves and when it is freed. */
struct buffer {
	char *text;
	size_t len, cap;
};

static void wipe(void *p, size_t n)
{
	if (p)
		explicit_bzero(p, n);
}

static void buffer_free(struct buffer *b)
{
	wipe(b->text, b->cap);
	free(b->text);
	memset(b, 0, sizeof *b);
}

/* Makes room for n more bytes and a zero. */
static int buffer_reserve(struct buffer *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 512;
	char *moved;
	while (cap < b->len + n + 1)
		cap *= 2;
	if (cap == b->cap)
		return REGENT_OK;
	if (!(moved = malloc(cap)))
		return REGENT_NO_MEMORY;
	if (b->len)
		memcpy(moved, b->text, b->len);
	wipe(b->text, b->cap);
	free(b->text);
	b->text = moved;
	b->cap = cap;
	return REGENT_OK;
}

static int buffer_add(struct buffer *b, const char *text, size_t n)
{
	int err = buffer_reserve(b, n);
	if (err)
		return err;
	memcpy(b->text + b->len, text, n);
	b->len += n;
	b->text[b->len] = 0;
	return REGENT_OK;
}

/* Seconds since boot. Time asleep counts; setting the clock does not. */
static double now(void)
{
	struct timespec t = {0, 0};
	clock_gettime(CLOCK_BOOTTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- errors ---- */

static const struct {
	int error;
	const char *code, *text;
} errors[] = {
	{REGENT_OK, "ok", "no error"},
	{REGENT_NO_MEMORY, "no_memory", "this process has no memory"},
	{REGENT_NOT_REACHABLE, "not_reachable", "regentd does not answer"},
	{REGENT_UNTRUSTED_LISTENER, "untrusted_listener", "another program listens at the socket; nothing was sent"},
	{REGENT_OTHER, "other", "the agent reported an error that this library does not know"},
	{REGENT_INVALID_REQUEST, "invalid_request", "the request is not valid"},
	{REGENT_DENIED, "denied", "no allow rule admits this process"},
	{REGENT_UNKNOWN_APPLICATION, "unknown_application", "the application is not configured"},
	{REGENT_UNKNOWN_INSTANCE, "unknown_instance", "the application has no such instance"},
	{REGENT_NO_FREE_INSTANCE, "no_free_instance", "every instance is leased to a live process"},
	{REGENT_NOT_REGISTERED, "not_registered", "the device has no auth token yet"},
	{REGENT_REGISTRATION_EXPIRED, "registration_expired", "the registration token has expired"},
	{REGENT_REGISTRATION_EXHAUSTED, "registration_exhausted", "the registration token has no count left"},
	{REGENT_REGISTRATION_REFUSED, "registration_refused", "the service refused the registration token"},
	{REGENT_REDEMPTION_UNCERTAIN, "redemption_uncertain", "a count may have been used; a person decides"},
	{REGENT_REDEMPTION_UNCONFIRMED, "redemption_unconfirmed", "a redemption must be confirmed by a person"},
	{REGENT_REVOKED, "revoked", "the auth token was revoked"},
	{REGENT_REFRESH_LOST, "refresh_lost", "the answer to a refresh was lost; a person decides"},
	{REGENT_REFRESH_EXPIRED, "refresh_expired", "the refresh token has expired"},
	{REGENT_REFRESH_UNCERTAIN, "refresh_uncertain", "the service refuses refreshes; the agent retries"},
	{REGENT_THROTTLED, "throttled", "asked too often"},
	{REGENT_UNAVAILABLE, "unavailable", "the service cannot be reached, and no token is valid"},
	{REGENT_STORE_LOCKED, "store_locked", "the store of the agent is locked"},
	{REGENT_STORE_UNREADABLE, "store_unreadable", "the store of the agent cannot be read"},
	{REGENT_STORE_MISSING, "store_missing", "the key of the agent's store is missing"},
	{REGENT_STORE_ROLLED_BACK, "store_rolled_back", "an older copy of the agent's store was put back"},
	{REGENT_QUARANTINED, "quarantined", "this device looks like a copy of another"},
	{REGENT_INTERNAL, "internal", "the agent reported a defect, or the answer is not the agent's"},
};

#define ERRORS (sizeof errors / sizeof *errors)

const char *regent_strerror(int error)
{
	for (size_t i = 0; i < ERRORS; i++)
		if (errors[i].error == error)
			return errors[i].text;
	return "unknown error";
}

/* Records an error and returns it. */
static int fail(int error, const char *detail)
{
	for (size_t i = 0; i < ERRORS; i++)
		if (errors[i].error == error)
			snprintf(last.code, sizeof last.code, "%s", errors[i].code);
	snprintf(last.detail, sizeof last.detail, "%s", detail);
	last.retry_after = 0;
	return error;
}

const char *regent_code(void) { return last.code; }
const char *regent_detail(void) { return last.detail; }
long regent_retry_after(void) { return last.retry_after; }

/* ---- who listens ---- */

static int is_mapped(unsigned long uid, int *root_is_root)
{
	unsigned long inside, outside, count;
	int found = 0;
	FILE *f = fopen("/proc/self/uid_map", "re");
	if (!f)
		return 0;
	while (fscanf(f, "%lu %lu %lu", &inside, &outside, &count) == 3) {
		if (uid >= inside && uid - inside < count)
			found = 1;
		if (inside == 0 && outside == 0 && root_is_root)
			*root_is_root = 1;
	}
	fclose(f);
	return found;
}

/* Reports whether uid stands for users without a number in this user namespace. */
static int is_unmapped(unsigned long uid)
{
	unsigned long overflow = 65534;
	FILE *f = fopen("/proc/sys/kernel/overflowuid", "re");
	if (f) {
		if (fscanf(f, "%lu", &overflow) != 1)
			overflow = 65534;
		fclose(f);
	}
	return uid == overflow && !is_mapped(uid, NULL);
}

/* Reports whether only the root of this namespace can change the place of the socket. */
static int is_protected(const char *path)
{
	char at[PATH_MAX], *slash;
	struct stat st;
	if (!realpath(path, at))
		return 0;
	for (;;) {
		if (lstat(at[0] ? at : "/", &st) || (st.st_uid != 0 && !is_unmapped(st.st_uid)))
			return 0;
		if (!S_ISSOCK(st.st_mode) && (st.st_mode & 022) && !(st.st_mode & S_ISVTX))
			return 0;
		if (!at[0])
			return 1;
		slash = strrchr(at, '/');
		*slash = 0;
	}
}

static int is_daemon_user(uid_t uid)
{
	struct passwd entry, *found = NULL;
	char text[4096];
	return !getpwnam_r(DAEMON_USER, &entry, text, sizeof text, &found) && found && found->pw_uid == uid;
}

/* Checks that root, the daemon's user, or at another socket this user listens. */
static int check_listener(regent_source *s, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;
	int installed = !strcmp(s->socket, DEFAULT_SOCKET), root = 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return fail(REGENT_UNTRUSTED_LISTENER, "the system does not say who listens at the socket");
	if (is_unmapped(peer.uid)) {
		if (installed && is_protected(s->socket))
			return REGENT_OK;
		return fail(REGENT_UNTRUSTED_LISTENER, "this user namespace does not show who listens; mount /run/regent into the sandbox");
	}
	is_mapped(0, &root);
	if ((peer.uid == 0 && root) || (!installed && peer.uid == geteuid()) || is_daemon_user(peer.uid))
		return REGENT_OK;
	return fail(REGENT_UNTRUSTED_LISTENER, "another user listens at the socket; ask an administrator which program that is");
}

/* ---- the connection ---- */

static void drop(regent_source *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static int connect_agent(regent_source *s)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int err;
	if (strlen(s->socket) >= sizeof a.sun_path)
		return fail(REGENT_NOT_REACHABLE, "the path of the socket is too long");
	strcpy(a.sun_path, s->socket);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return fail(REGENT_NOT_REACHABLE, "no socket can be made");
	if (connect(s->fd, (struct sockaddr *)&a, sizeof a)) {
		err = errno;
		drop(s);
		if (err == EACCES)
			return fail(REGENT_NOT_REACHABLE, "this user cannot connect to the socket; check its mode and your sandbox");
		return fail(REGENT_NOT_REACHABLE, "no agent listens at the socket; start regentd: systemctl start regentd");
	}
	if ((err = check_listener(s, s->fd)))
		drop(s);
	return err;
}

/* Waits until the connection can be read or written, until the deadline. */
static int await(regent_source *s, short events, double deadline)
{
	struct pollfd p = {.fd = s->fd, .events = events};
	for (;;) {
		double left = deadline - now();
		int n = left > 0 ? poll(&p, 1, (int)(left * 1000) + 1) : 0;
		if (n > 0)
			return REGENT_OK;
		if (n == 0)
			return fail(REGENT_NOT_REACHABLE, "the agent did not answer in time; run: regent doctor");
		if (errno != EINTR)
			return fail(REGENT_NOT_REACHABLE, "the connection to the agent failed; try again");
	}
}

static int ended(void)
{
	return fail(REGENT_NOT_REACHABLE, "the agent closed the connection before it answered; try again");
}

static int send_all(regent_source *s, const struct buffer *b, double deadline)
{
	for (size_t done = 0; done < b->len;) {
		int err = await(s, POLLOUT, deadline);
		ssize_t n;
		if (err)
			return err;
		n = send(s->fd, b->text + done, b->len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return ended();
		if (n > 0)
			done += (size_t)n;
	}
	return REGENT_OK;
}

/* Reads some bytes more. */
static int receive(regent_source *s, struct buffer *b, double deadline)
{
	int err;
	ssize_t n;
	if ((err = await(s, POLLIN, deadline)))
		return err;
	if ((err = buffer_reserve(b, 4096)))
		return fail(err, "");
	n = recv(s->fd, b->text + b->len, 4096, MSG_DONTWAIT);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return REGENT_OK;
	if (n <= 0)
		return ended();
	b->len += (size_t)n;
	b->text[b->len] = 0;
	return REGENT_OK;
}

/* An answer: in holds all bytes that came, body the body. */
struct reply {
	struct buffer in, body;
	int status, problem, chunked, closes;
	long length; /* -1 without Content-Length */
};

static void reply_free(struct reply *r)
{
	buffer_free(&r->in);
	buffer_free(&r->body);
}

/* Reads one line of the header, without its end. */
static void read_field(struct reply *r, char *line)
{
	char *value = strchr(line, ':'), *end;
	if (!value)
		return;
	*value++ = 0;
	value += strspn(value, " \t");
	if (!strcasecmp(line, "Content-Length")) {
		errno = 0;
		r->length = strtol(value, &end, 10);
		if (errno || end == value || *end || r->length < 0)
			r->length = MAX_BODY + 1L;
	} else if (!strcasecmp(line, "Transfer-Encoding")) {
		r->chunked = !strcasecmp(value, "chunked");
	} else if (!strcasecmp(line, "Connection")) {
		r->closes = !strcasecmp(value, "close");
	} else if (!strcasecmp(line, "Content-Type")) {
		r->problem = !strcasecmp(value, "application/problem+json");
	}
}

static int not_agent(void)
{
	return fail(REGENT_INTERNAL, "the answer is not from the agent; run: regent doctor");
}

/* Reads the header. *at is where the body begins. */
static int read_header(regent_source *s, struct reply *r, size_t *at, double deadline)
{
	char *end, *line, *next;
	int err;
	while (!r->in.text || !(end = strstr(r->in.text, "\r\n\r\n"))) {
		if (r->in.len > MAX_HEADER)
			return not_agent();
		if ((err = receive(s, &r->in, deadline)))
			return err;
	}
	*at = (size_t)(end - r->in.text) + 4;
	*end = 0;
	if (sscanf(r->in.text, "HTTP/1.1 %3d ", &r->status) != 1)
		return ended();
	for (line = strstr(r->in.text, "\r\n"); line; line = next) {
		line += 2;
		if ((next = strstr(line, "\r\n")))
			*next = 0;
		read_field(r, line);
	}
	return REGENT_OK;
}

/* Reads until n bytes are there from at. */
static int need_bytes(regent_source *s, struct reply *r, size_t at, size_t n, double deadline)
{
	int err;
	while (r->in.len - at < n)
		if ((err = receive(s, &r->in, deadline)))
			return err;
	return REGENT_OK;
}

static int read_chunks(regent_source *s, struct reply *r, size_t at, double deadline)
{
	char *eol, *end;
	int err;
	for (;;) {
		size_t size;
		while (!(eol = memmem(r->in.text + at, r->in.len - at, "\r\n", 2))) {
			if (r->in.len - at > 64)
				return not_agent();
			if ((err = receive(s, &r->in, deadline)))
				return err;
		}
		errno = 0;
		size = strtoul(r->in.text + at, &end, 16);
		if (errno || end == r->in.text + at || size > MAX_BODY || r->body.len + size > MAX_BODY)
			return not_agent();
		at = (size_t)(eol - r->in.text) + 2;
		if ((err = need_bytes(s, r, at, size + 2, deadline)))
			return err;
		if (memcmp(r->in.text + at + size, "\r\n", 2))
			return not_agent();
		if (size == 0)
			return REGENT_OK;
		if ((err = buffer_add(&r->body, r->in.text + at, size)))
			return fail(err, "");
		at += size + 2;
	}
}

static int read_reply(regent_source *s, struct reply *r)
{
	double deadline = now() + TIMEOUT;
	size_t at = 0;
	int err;
	r->length = -1;
	if ((err = read_header(s, r, &at, deadline)) || r->status == 204)
		return err;
	if (r->chunked)
		return read_chunks(s, r, at, deadline);
	if (r->length < 0)
		return ended();
	if (r->length > MAX_BODY)
		return not_agent();
	if ((err = need_bytes(s, r, at, (size_t)r->length, deadline)))
		return err;
	if ((err = buffer_add(&r->body, r->in.text + at, (size_t)r->length)))
		return fail(err, "");
	return REGENT_OK;
}

/* ---- JSON ---- */

static const char *skip_space(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

static int hex4(const char *p, unsigned *u)
{
	*u = 0;
	for (int i = 0; i < 4; i++) {
		int c = p[i];
		if (c >= '0' && c <= '9')
			c -= '0';
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			c = (c | 32) - 'a' + 10;
		else
			return 0;
		*u = *u * 16 + (unsigned)c;
	}
	return 1;
}

static char *put_utf8(char *out, unsigned u)
{
	if (u < 0x80) {
		*out++ = (char)u;
	} else if (u < 0x800) {
		*out++ = (char)(0xc0 | u >> 6);
		*out++ = (char)(0x80 | (u & 63));
	} else {
		*out++ = (char)(0xe0 | u >> 12);
		*out++ = (char)(0x80 | (u >> 6 & 63));
		*out++ = (char)(0x80 | (u & 63));
	}
	return out;
}

/*
 * Reads the string at p, which begins with a quote, and returns what is behind it; NULL
 * if it is not whole. If out is there, it gets the text: it needs no more room than the
 * string. Surrogates become "?": no member that is used has them.
 */
static const char *read_string(const char *p, char *out)
{
	static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	for (p++; *p != '"'; p++) {
		unsigned u = (unsigned char)*p;
		if (u < 0x20)
			return NULL;
		if (u == '\\') {
			const char *known = *++p ? strchr(plain, *p) : NULL;
			if (known) {
				u = (unsigned char)meant[known - plain];
			} else if (*p == 'u' && hex4(p + 1, &u)) {
				p += 4;
				if (u == 0 || (u >= 0xd800 && u < 0xe000))
					u = '?';
			} else {
				return NULL;
			}
			if (out)
				out = put_utf8(out, u);
		} else if (out) {
			*out++ = *p;
		}
	}
	if (out)
		*out = 0;
	return p + 1;
}

/* Returns what is behind the value at p; NULL if it is none. */
static const char *skip_value(const char *p)
{
	int depth = 0;
	do {
		p = skip_space(p);
		if (*p == '"') {
			if (!(p = read_string(p, NULL)))
				return NULL;
		} else if (*p == '{' || *p == '[') {
			if (++depth > MAX_DEPTH)
				return NULL;
			p++;
			continue;
		} else if (*p == '}' || *p == ']') {
			depth--;
			p++;
		} else if (*p == ',' || *p == ':') {
			p++;
			continue;
		} else {
			size_t n = strcspn(p, " \t\r\n,:{}[]\"");
			if (n == 0)
				return NULL;
			p += n;
		}
	} while (depth > 0);
	return depth < 0 ? NULL : p;
}

/* Calls visit for each member of an object. It returns 0 if the text is no whole object. */
static int each_member(const char *p, void (*visit)(void *, const char *, const char *), void *to)
{
	char name[64];
	p = skip_space(p);
	if (*p != '{')
		return 0;
	p = skip_space(p + 1);
	while (*p == '"') {
		const char *end = read_string(p, NULL), *value;
		name[0] = 0;
		if (end && (size_t)(end - p) < sizeof name)
			read_string(p, name);
		if (!end || *(p = skip_space(end)) != ':')
			return 0;
		value = skip_space(p + 1);
		if (!(p = skip_value(value)))
			return 0;
		visit(to, name, value);
		p = skip_space(p);
		if (*p != ',')
			break;
		p = skip_space(p + 1);
		if (*p != '"')
			return 0;
	}
	return *p == '}' && !*skip_space(p + 1);
}

/* The members that are used, as they came. */
struct members {
	const char *access_token, *instance, *tenant, *expires_in, *generation, *code, *detail, *retry_after;
};

static void keep_member(void *to, const char *name, const char *value)
{
	struct members *m = to;
	const struct {
		const char *name;
		const char **at;
	} all[] = {
		{"access_token", &m->access_token}, {"instance", &m->instance}, {"tenant", &m->tenant},
		{"expires_in", &m->expires_in}, {"generation", &m->generation}, {"code", &m->code},
		{"detail", &m->detail}, {"retry_after", &m->retry_after},
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (!strcmp(all[i].name, name))
			*all[i].at = value;
}

/* Returns a copy of a string; NULL if there is none or it is empty. */
static char *text_of(const char *value)
{
	const char *end = value && *value == '"' ? read_string(value, NULL) : NULL;
	char *text = end ? malloc((size_t)(end - value)) : NULL;
	if (text) {
		read_string(value, text);
		if (!*text) {
			free(text);
			text = NULL;
		}
	}
	return text;
}

/* Returns a whole number of at least 0; -1 if there is none. */
static double number_of(const char *value)
{
	size_t n = value ? strspn(value, "0123456789") : 0;
	if (n == 0 || n > 18 || !strchr(" \t\r\n,}", value[n]))
		return -1;
	return strtod(value, NULL);
}

/* ---- tokens ---- */

void regent_token_clear(regent_token_value *tok)
{
	char *all[3];
	if (!tok)
		return;
	all[0] = tok->access_token;
	all[1] = tok->instance;
	all[2] = tok->tenant;
	for (int i = 0; i < 3; i++) {
		if (all[i])
			wipe(all[i], strlen(all[i]));
		free(all[i]);
	}
	memset(tok, 0, sizeof *tok);
}

static int copy_token(regent_token_value *to, const regent_token_value *from, double left)
{
	to->access_token = strdup(from->access_token);
	to->instance = strdup(from->instance);
	to->tenant = strdup(from->tenant);
	to->generation = from->generation;
	to->expires_in = left;
	if (to->access_token && to->instance && to->tenant)
		return REGENT_OK;
	regent_token_clear(to);
	return REGENT_NO_MEMORY;
}

static int is_plain(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text >= 127)
			return 0;
	return 1;
}

/* Takes the token out of an answer. */
static int take_token(regent_source *s, const struct members *m, double began)
{
	regent_token_value t = {0};
	double life = number_of(m->expires_in), generation = number_of(m->generation);
	t.access_token = text_of(m->access_token);
	t.instance = text_of(m->instance);
	t.tenant = text_of(m->tenant);
	if (!t.access_token || !is_plain(t.access_token) || !t.instance || !t.tenant || life <= 0 || generation < 0) {
		regent_token_clear(&t);
		return fail(REGENT_INTERNAL, "the answer has no usable token; run: regent doctor");
	}
	t.generation = (unsigned long)generation;
	life = life > MAX_LIFE ? MAX_LIFE : life;
	regent_token_clear(&s->token);
	s->token = t;
	s->expires_at = began + life;
	s->ask_at = began + life * 0.8;
	return REGENT_OK;
}

/* Reads a problem of the agent: RFC 9457. */
static int read_problem(const struct members *m)
{
	char *code = text_of(m->code), *detail = text_of(m->detail);
	double after = number_of(m->retry_after);
	int error = code ? REGENT_OTHER : not_agent();
	if (code) {
		for (size_t i = REGENT_INVALID_REQUEST; i < ERRORS; i++)
			if (!strcmp(errors[i].code, code))
				error = errors[i].error;
		snprintf(last.code, sizeof last.code, "%s", code);
		snprintf(last.detail, sizeof last.detail, "%s", detail ? detail : "");
		last.retry_after = after > 0 && after < 1e9 ? (long)after : 0;
	}
	free(code);
	free(detail);
	return error;
}

/* Makes one request over the connection. *kept says that the connection was open already. */
static int exchange(regent_source *s, const struct buffer *request, struct reply *r, int *kept)
{
	int err = REGENT_OK;
	*kept = s->fd >= 0;
	if (!*kept)
		err = connect_agent(s);
	if (!err)
		err = send_all(s, request, now() + TIMEOUT);
	if (!err)
		err = read_reply(s, r);
	if (err || r->closes)
		drop(s);
	return err;
}

/* Makes a request. A kept connection that the agent has closed is replaced once. */
static int call(regent_source *s, const char *path, const struct buffer *body, struct reply *r)
{
	struct buffer request = {0};
	char head[512];
	int kept = 0, err;
	snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: regent\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", path, body->len);
	if ((err = buffer_add(&request, head, strlen(head))) || (err = buffer_add(&request, body->text, body->len))) {
		buffer_free(&request);
		return fail(err, "");
	}
	err = exchange(s, &request, r, &kept);
	if (err == REGENT_NOT_REACHABLE && kept && r->in.len == 0) {
		reply_free(r);
		memset(r, 0, sizeof *r);
		err = exchange(s, &request, r, &kept);
	}
	buffer_free(&request);
	return err;
}

/* Makes a request and reads its answer: nothing, a token, or an error. */
static int ask(regent_source *s, const char *path, const struct buffer *body)
{
	struct reply r = {0};
	struct members m = {0};
	double began = now();
	int err = call(s, path, body, &r), whole;
	if (!err && r.status != 204) {
		whole = r.body.text && strlen(r.body.text) == r.body.len && each_member(r.body.text, keep_member, &m);
		if (whole && r.status == 200)
			err = take_token(s, &m, began);
		else
			err = whole && r.problem ? read_problem(&m) : not_agent();
	}
	reply_free(&r);
	return err;
}

static int is_final(int err)
{
	return err == REGENT_REVOKED || err == REGENT_DENIED || err == REGENT_NO_FREE_INSTANCE;
}

/* Asks for a token. The lock is held. */
static int renew(regent_source *s, long min_ttl)
{
	struct buffer body = {0};
	char ttl[48] = "}";
	int err;
	if (min_ttl > 0)
		snprintf(ttl, sizeof ttl, ",\"min_ttl\":%ld}", min_ttl);
	if ((err = buffer_add(&body, "{\"application\":\"", 16)) || (err = buffer_add(&body, s->application, strlen(s->application))) ||
	    (err = buffer_add(&body, "\"", 1)) || (err = buffer_add(&body, ttl, strlen(ttl))))
		fail(err, "");
	else
		err = ask(s, "/v1/token", &body);
	buffer_free(&body);
	if (!err)
		return REGENT_OK;
	if (is_final(err) || !s->token.access_token || s->expires_at <= now()) {
		regent_token_clear(&s->token);
		return err;
	}
	s->ask_at = now() + RETRY_AFTER; /* the token in memory is valid */
	return REGENT_OK;
}

/* After a fork the child has no connection and no lease. The lock is held. */
static void leave_parent(regent_source *s)
{
	if (s->pid == getpid())
		return;
	s->pid = getpid();
	drop(s);
	regent_token_clear(&s->token);
}

int regent_token(regent_source *src, long min_ttl, regent_token_value *tok)
{
	int err = REGENT_OK;
	double at;
	memset(tok, 0, sizeof *tok);
	pthread_mutex_lock(&src->lock);
	leave_parent(src);
	at = now();
	if (!src->token.access_token || at >= src->ask_at || src->expires_at - at <= (double)min_ttl)
		err = renew(src, min_ttl);
	if (!err && (err = copy_token(tok, &src->token, src->expires_at - now())))
		fail(err, "");
	pthread_mutex_unlock(&src->lock);
	return err;
}

int regent_invalidate(regent_source *src, const regent_token_value *rejected)
{
	struct buffer body = {0};
	char text[64], path[256];
	const char *number = rejected->instance ? strrchr(rejected->instance, '/') : NULL;
	int err = REGENT_OK;
	pthread_mutex_lock(&src->lock);
	leave_parent(src);
	if (src->token.access_token && src->token.generation > rejected->generation)
		goto out; /* another thread did it */
	snprintf(text, sizeof text, "{\"generation\":%lu}", rejected->generation);
	if (snprintf(path, sizeof path, "/v1/instances/%s/%s/invalidate", src->application, number ? number + 1 : "0") >= (int)sizeof path)
		err = fail(REGENT_INVALID_REQUEST, "the name of the application is too long");
	else if ((err = buffer_add(&body, text, strlen(text))))
		fail(err, "");
	else
		err = ask(src, path, &body);
	buffer_free(&body);
	if (!err)
		err = renew(src, 0);
out:
	pthread_mutex_unlock(&src->lock);
	return err;
}

/* ---- sources ---- */

/* Returns the socket. A process with rights beyond those of its user ignores its environment. */
static const char *socket_path(void)
{
	const char *named = getauxval(AT_SECURE) ? NULL : getenv("REGENT_SOCKET");
	return named && *named ? named : DEFAULT_SOCKET;
}

/* The IDs that a configuration allows need no escapes: [a-z0-9-]. */
static int is_id(const char *text)
{
	return *text && strlen(text) <= 64 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
}

int regent_open(const char *application, regent_source **src)
{
	regent_source *s;
	*src = NULL;
	if (!application || !is_id(application))
		return fail(REGENT_INVALID_REQUEST, "the ID of an application has 1 to 64 of a-z, 0-9 and hyphens; correct the ID in the call");
	if (!(s = calloc(1, sizeof *s)))
		return fail(REGENT_NO_MEMORY, "");
	s->fd = -1;
	s->pid = getpid();
	s->application = strdup(application);
	s->socket = strdup(socket_path());
	if (!s->application || !s->socket || pthread_mutex_init(&s->lock, NULL)) {
		free(s->application);
		free(s->socket);
		free(s);
		return fail(REGENT_NO_MEMORY, "");
	}
	*src = s;
	return REGENT_OK;
}

void regent_close(regent_source *src)
{
	if (!src)
		return;
	drop(src);
	regent_token_clear(&src->token);
	pthread_mutex_destroy(&src->lock);
	free(src->application);
	free(src->socket);
	free(src);
}

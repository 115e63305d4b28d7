/*
 * regent.h: access tokens for applications that are licensed through Sentinel Cloud LM.
 *
 *   regent_source *src;
 *   regent_token_value tok;
 *   int err = regent_open("cad", &src);
 *   if (!err) err = regent_token(src, 30, &tok);
 *   if (err) fprintf(stderr, "%s: %s\n", regent_strerror(err), regent_detail());
 *
 * The tokens come from regentd, the agent on this device. The library checks who listens
 * at the socket before it sends a byte. It starts no thread and never ends the program.
 * All functions are safe for threads. Many threads that wait cause one request.
 */
#ifndef REGENT_H
#define REGENT_H

#ifdef __cplusplus
extern "C" {
#endif

/* The errors: 0, a failure of this side, and the codes of the protocol. */
enum {
	REGENT_OK,
	REGENT_NO_MEMORY,          /* this process has no memory */
	REGENT_NOT_REACHABLE,      /* no agent answers */
	REGENT_UNTRUSTED_LISTENER, /* another program listens; nothing was sent */
	REGENT_OTHER,              /* a code of a newer agent: see regent_code */
	REGENT_INVALID_REQUEST,
	REGENT_DENIED, /* no allow rule admits this process */
	REGENT_UNKNOWN_APPLICATION,
	REGENT_UNKNOWN_INSTANCE,
	REGENT_NO_FREE_INSTANCE, /* every instance is leased to a live process */
	REGENT_NOT_REGISTERED,   /* the device has no auth token yet */
	REGENT_REGISTRATION_EXPIRED,
	REGENT_REGISTRATION_EXHAUSTED,
	REGENT_REGISTRATION_REFUSED,
	REGENT_REDEMPTION_UNCERTAIN,
	REGENT_REDEMPTION_UNCONFIRMED,
	REGENT_REVOKED,
	REGENT_REFRESH_LOST,
	REGENT_REFRESH_EXPIRED,
	REGENT_REFRESH_UNCERTAIN,
	REGENT_THROTTLED,
	REGENT_UNAVAILABLE, /* the service cannot be reached, and no token is valid */
	REGENT_STORE_LOCKED,
	REGENT_STORE_UNREADABLE,
	REGENT_STORE_MISSING,
	REGENT_STORE_ROLLED_BACK,
	REGENT_QUARANTINED,
	REGENT_INTERNAL
};

/* A source of the tokens of one application. */
typedef struct regent_source regent_source;

/* A token. Wipe it with regent_token_clear. */
typedef struct {
	char *access_token;       /* the value for "Authorization: Bearer" */
	char *instance;           /* for example "cad/1" */
	char *tenant;             /* base URL of the service */
	unsigned long generation; /* rises by one with each refresh */
	double expires_in;        /* seconds, above 0 when it was returned */
} regent_token_value;

/*
 * Makes a source. It connects to nothing yet. The socket is REGENT_SOCKET, or the
 * installed one. A process with rights beyond those of its user ignores REGENT_SOCKET.
 * On an error *src is NULL. Free it with regent_close.
 */
int regent_open(const char *application, regent_source **src);

/*
 * Gives a token that is valid now and, if possible, for min_ttl seconds. It comes from
 * memory nearly always. After a fork the child leases an instance of its own.
 * On an error *tok is all zero.
 */
int regent_token(regent_source *src, long min_ttl, regent_token_value *tok);

/*
 * Reports that the service refused a token with 401, and waits for another one, which
 * the next regent_token returns. The agent does this at most once a minute for an
 * instance; then the error is REGENT_THROTTLED.
 */
int regent_invalidate(regent_source *src, const regent_token_value *rejected);

/* Wipes and frees the texts of a token. */
void regent_token_clear(regent_token_value *tok);

/* Wipes and frees the source. The lease ends with the process. */
void regent_close(regent_source *src);

/* Returns a short English text for an error. It is never NULL. */
const char *regent_strerror(int error);

/*
 * These functions describe the last failed call of this thread. Their texts are valid until
 * the next call of this thread.
 */

/* Returns the code of the protocol, such as "denied". */
const char *regent_code(void);

/* Returns what is wrong and, if known, what to do next. */
const char *regent_detail(void);

/* Returns the seconds after which another try may help; 0 if the agent named none. */
long regent_retry_after(void);

#ifdef __cplusplus
}
#endif
#endif

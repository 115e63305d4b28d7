/* The adapter of the C library for the conformance cases. */
#define _GNU_SOURCE
#include "../regent.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_THREADS 64

static regent_source *source;
static regent_token_value last;

static void print_error(char *out, size_t n)
{
	snprintf(out, n, "error %s %ld", regent_code(), regent_retry_after());
}

static void print_token(char *out, size_t n, const regent_token_value *t)
{
	snprintf(out, n, "token %s %s %lu", t->access_token, t->instance, t->generation);
}

static void token(long min_ttl, char *out, size_t n)
{
	regent_token_value t;
	if (regent_token(source, min_ttl, &t)) {
		print_error(out, n);
		return;
	}
	print_token(out, n, &t);
	regent_token_clear(&last);
	last = t;
}

/* A thread keeps its own token. */
struct worker {
	pthread_t id;
	int replaces;
	char line[512];
};

static void *work(void *arg)
{
	struct worker *w = arg;
	regent_token_value t;
	if (w->replaces && regent_invalidate(source, &last)) {
		print_error(w->line, sizeof w->line);
		return NULL;
	}
	if (regent_token(source, 0, &t)) {
		print_error(w->line, sizeof w->line);
		return NULL;
	}
	print_token(w->line, sizeof w->line, &t);
	regent_token_clear(&t);
	return NULL;
}

static void threads(int n, int replaces, char *out, size_t size)
{
	struct worker all[MAX_THREADS];
	for (int i = 0; i < n; i++) {
		all[i].replaces = replaces;
		pthread_create(&all[i].id, NULL, work, &all[i]);
	}
	for (int i = 0; i < n; i++)
		pthread_join(all[i].id, NULL);
	snprintf(out, size, "%s", all[0].line);
	for (int i = 1; i < n; i++)
		if (strcmp(all[0].line, all[i].line))
			snprintf(out, size, "mixed %.200s | %.200s", all[0].line, all[i].line);
}

static void fork_child(char *out, size_t n)
{
	int p[2];
	ssize_t got;
	pid_t child;
	if (pipe(p))
		return;
	if (!(child = fork())) {
		token(0, out, n);
		_exit(write(p[1], out, strlen(out)) < 0);
	}
	close(p[1]);
	got = read(p[0], out, n - 1);
	out[got > 0 ? got : 0] = 0;
	close(p[0]);
	waitpid(child, NULL, 0);
}

static void run(char *command, char *out, size_t n)
{
	char *rest = strchr(command, ' ');
	if (rest)
		*rest++ = 0;
	if (!strcmp(command, "open")) {
		regent_close(source);
		snprintf(out, n, "%s", regent_open(rest ? rest : "", &source) ? "error" : "ok");
	} else if (!strcmp(command, "token")) {
		token(atol(rest ? rest : "0"), out, n);
	} else if (!strcmp(command, "replace")) {
		if (regent_invalidate(source, &last))
			print_error(out, n);
		else
			token(0, out, n);
	} else if (!strcmp(command, "threads") || !strcmp(command, "threads-replace")) {
		threads(atoi(rest ? rest : "1") % MAX_THREADS, command[7] != 0, out, n);
	} else if (!strcmp(command, "fork")) {
		fork_child(out, n);
	} else {
		snprintf(out, n, "skip C has no type that prints itself");
	}
}

int main(void)
{
	char line[256], out[1024];
	if (regent_open("cad", &source))
		return 1;
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = 0;
		run(line, out, sizeof out);
		printf("%s\n", out);
		fflush(stdout);
	}
	regent_token_clear(&last);
	regent_close(source);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An audit log that somebody works on: the input says what is changed, put in, taken out or moved in a log of some
 * lines. What is still called sound is a run of the very lines that were written, with at most a beginning of
 * another one behind; with the last head to look for, it is one that goes to the end.
 */
#include "../../user/ctl/audit_verify.h"
#include "fuzz.h"

#include <string.h>

#define LINES 6
#define TEXT_MAX 65536

static struct {
	char text[TEXT_MAX];
	size_t len;
	size_t ends[LINES]; /* behind each LF */
	char head[AUDIT_HASH_LEN + 1];
} original;

static void write_original(void)
{
	struct audit_chain c;
	struct buf out;

	audit_chain_begin(&c);
	buf_init(&out, TEXT_MAX);
	for (unsigned i = 0; i < LINES; i++) {
		struct audit_record r = {.event = AUDIT_REQUEST, .verdict = AUDIT_MASKED};
		struct audit_line_facts facts = {.host = "h", .lost = i == 3};

		r.time_ms = 1790000000000ull + i;
		audit_number(&r, AUDIT_UID, i);
		MUST(audit_line(&c, &r, &facts, &out) == 0);
		original.ends[i] = buf_len(&out);
	}
	original.len = buf_len(&out);
	memcpy(original.text, buf_bytes(&out), original.len);
	memcpy(original.head, c.head, sizeof(original.head));
	buf_free(&out);
}

/* ---- what is done to it */

struct work {
	char text[TEXT_MAX * 2];
	size_t len;
};

static void put_in(struct work *w, size_t at, const void *p, size_t n)
{
	if (w->len + n > sizeof(w->text))
		return;
	memmove(w->text + at + n, w->text + at, w->len - at);
	memcpy(w->text + at, p, n);
	w->len += n;
}

static void take_out(struct work *w, size_t at, size_t n)
{
	if (n > w->len - at)
		n = w->len - at;
	memmove(w->text + at, w->text + at + n, w->len - at - n);
	w->len -= n;
}

static size_t line_begin(unsigned i)
{
	return i % LINES ? original.ends[i % LINES - 1] : 0;
}

/* Four bytes: what, where, and with what. */
static void do_one(struct work *w, const uint8_t *step)
{
	size_t at = w->len ? ((size_t)step[1] << 8 | step[2]) % (w->len + 1) : 0;
	unsigned line = step[3] % LINES;

	switch (step[0] % 6) {
	case 0:
		if (at < w->len)
			w->text[at] = (char)step[3];
		break;
	case 1:
		put_in(w, at, &step[3], 1);
		break;
	case 2:
		take_out(w, at, step[3]);
		break;
	case 3: /* a line of it, where another begins or anywhere */
		put_in(w, step[1] & 1 ? at : line_begin(step[2]) % (w->len + 1),
		       original.text + line_begin(line), original.ends[line] - line_begin(line));
		break;
	case 4:
		if (line_begin(line) < w->len)
			take_out(w, line_begin(line), original.ends[line] - line_begin(line));
		break;
	default:
		w->len = at;
		break;
	}
}

/* ---- what is found */

static bool verify(const struct work *w, const char *wanted, uint64_t *records)
{
	struct audit_verify v;
	size_t at = 0;
	bool good;

	audit_verify_begin(&v, wanted);
	for (uint64_t number = 1; at < w->len; number++) {
		const char *lf = memchr(w->text + at, '\n', w->len - at);
		size_t len = lf ? (size_t)(lf - w->text) - at : w->len - at;
		char *line = malloc(len + 1); /* its own, so that a byte too far is seen */
		struct audit_text t = {"f", number, line, len, lf != NULL};

		memcpy(line, w->text + at, len);
		line[len] = 0;
		audit_verify_line(&v, &t);
		free(line);
		at += len + (lf != NULL);
	}
	good = audit_verify_end(&v);
	*records = v.records;
	audit_verify_free(&v);
	return good;
}

static bool is_run(const struct work *w, bool to_the_end)
{
	const char *lf = memrchr(w->text, '\n', w->len);
	size_t whole = lf ? (size_t)(lf - w->text) + 1 : 0;

	if (!whole)
		return !to_the_end;
	for (unsigned i = 0; i < LINES; i++) {
		size_t begin = line_begin(i), rest = original.len - begin;

		if (whole <= rest && memcmp(w->text, original.text + begin, whole) == 0)
			return !to_the_end || whole == rest;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct work w;
	uint64_t records;

	if (!original.len)
		write_original();
	if (size && data[0] == 0xff) { /* anything at all */
		w.len = size - 1 < sizeof(w.text) ? size - 1 : sizeof(w.text);
		memcpy(w.text, data + 1, w.len);
	} else {
		memcpy(w.text, original.text, original.len);
		w.len = original.len;
		for (size_t i = 0; i + 4 <= size && i < 64; i += 4)
			do_one(&w, data + i);
	}
	MUST(!verify(&w, NULL, &records) || is_run(&w, false));
	MUST(!verify(&w, original.head, &records) || is_run(&w, true));
	return 0;
}

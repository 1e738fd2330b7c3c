/* SPDX-License-Identifier: Apache-2.0 */
#include "mask_walk.h"

#include <stdlib.h>

/* Storage larger than this is given back at a reset: one huge request must not be paid for ever. */
#define KEEP_STORAGE (1u << 20)
#define BUFS 20
/*
 * How far looking for identifiers may go (detect.h): a fifth further than in 64 MiB of lines of accounts, of
 * what agents send the dearest; no text of 4 MiB comes there. Texts of that size are looked at apart, for four
 * seconds at most.
 */
#define EFFORT_MAX (1u << 27)

static size_t mask_bufs(struct mask *m, struct buf *bufs[static BUFS])
{
	struct buf *all[] = {
		&m->spans,	  &m->parts,	    &m->values,		&m->bytes,
		&m->slots,	  &m->holds,	    &m->entries,	&m->sources,
		&m->text,	  &m->marks,	    &m->found,		&m->hits,
		&m->seen,	  &m->places,	    &m->record.state,	&m->record.begun,
		&m->record.rules, &m->record.given, &m->record.effects, &m->record.words};

	memcpy(bufs, all, sizeof(all));
	return sizeof(all) / sizeof(all[0]);
}

struct mask *mask_new(const struct catalogue *c, size_t max_memory)
{
	struct mask *m = calloc(1, sizeof(*m));
	struct buf *bufs[BUFS];

	if (!m)
		return NULL;
	m->max_memory = max_memory;
	for (size_t i = 0, n = mask_bufs(m, bufs); i < n; i++)
		buf_init(bufs[i], max_memory);
	known_init(&m->local, max_memory / 4); /* each of its four tables */
	m->types = catalogue_types(c);
	mask_follow(m, &policy_default);
	mask_read_most(m, SIZE_MAX);
	m->detector = detector_new(c);
	m->walk = calloc(1, sizeof(*m->walk));
	if (!m->detector || !m->walk) {
		mask_free(m);
		return NULL;
	}
	detector_allow(m->detector, EFFORT_MAX);
	return m;
}

void mask_free(struct mask *m)
{
	struct buf *bufs[BUFS];

	if (!m)
		return;
	for (size_t i = 0, n = mask_bufs(m, bufs); i < n; i++)
		buf_free(bufs[i]);
	known_free(&m->local);
	mask_unknow(m);
	detector_free(m->detector);
	explicit_bzero(m->bare, sizeof(m->bare));
	free(m->walk);
	free(m);
}

size_t mask_memory(const struct mask *m)
{
	struct buf *bufs[BUFS];
	size_t sum = 0;

	for (size_t i = 0, n = mask_bufs((struct mask *)m, bufs); i < n; i++)
		sum += bufs[i]->cap;
	return sum + known_memory(&m->local);
}

void mask_reset(struct mask *m)
{
	struct buf *bufs[BUFS];

	for (size_t i = 0, n = mask_bufs(m, bufs); i < n; i++) {
		if (bufs[i]->cap > KEEP_STORAGE)
			buf_free(bufs[i]);
		else
			buf_clear(bufs[i]);
	}
	known_clear(&m->local);
	mask_unknow(m);
	mask_counts_clear(&m->counts);
	detector_allow(m->detector, EFFORT_MAX);
	mask_follow(m, &policy_default);
	mask_read_most(m, SIZE_MAX);
}

void mask_read_most(struct mask *m, size_t bytes)
{
	m->read_left = bytes;
}

const char *mask_error_text(enum mask_error e)
{
	static const char *const texts[] = {
		[MASK_OK] = "Nothing is wrong.",
		[MASK_NOT_JSON] = "The content type says JSON but the content is not JSON.",
		[MASK_NOT_MULTIPART] = "The content type says multipart but the content is not "
				       "well-formed multipart.",
		[MASK_BINARY_PART] =
			"A part holds binary data in which AWS identifiers cannot be masked.",
		[MASK_MATCH_LIMIT] =
			"Looking for identifiers in this text takes more steps than it may.",
		[MASK_TOO_LARGE] =
			"Masking the request would take more memory than the configured limit.",
		[MASK_TOO_NEW] = "More of the text is new than may be read now.",
	};

	return texts[e];
}

static struct mask_span *span_list(const struct mask *m)
{
	return (struct mask_span *)buf_bytes(&m->spans);
}

/* Strings that had to wait for what came after them were scanned late. */
static void spans_sort(struct mask_span *s, size_t n)
{
	size_t sorted = 1;

	while (sorted < n && s[sorted - 1].start < s[sorted].start)
		sorted++;
	if (sorted >= n)
		return;
	for (size_t begin = n / 2, end = n; end > 1;) {
		struct mask_span moved;
		size_t hole, child;

		if (begin)
			moved = s[hole = --begin];
		else
			moved = s[--end], s[end] = s[0], hole = 0;
		while ((child = hole * 2 + 1) < end) {
			if (child + 1 < end && s[child].start < s[child + 1].start)
				child++;
			if (s[child].start <= moved.start)
				break;
			s[hole] = s[child];
			hole = child;
		}
		s[hole] = moved;
	}
}

static size_t span_count(const struct mask *m)
{
	return buf_len(&m->spans) / sizeof(struct mask_span);
}

static struct mask_part *part_list(const struct mask *m)
{
	return (struct mask_part *)buf_bytes(&m->parts);
}

/* The first kept part whose name is not below this one: they are kept by name. */
static size_t part_place(const struct mask *m, unsigned name)
{
	const struct mask_part *parts = part_list(m);
	size_t low = 0, high = buf_len(&m->parts) / sizeof(*parts);

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (parts[mid].name < name)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static enum mask_error part_end(struct mask *m, unsigned part, size_t first, enum mask_error e)
{
	struct mask_part keep = {part, first, span_count(m) - first};
	size_t n = buf_len(&m->parts) / sizeof(keep), place = part_place(m, part);
	struct mask_part *parts;

	if (e != MASK_OK || !keep.n)
		return e;
	spans_sort(span_list(m) + first, keep.n);
	if (mask_keep(m, &m->parts, &keep, sizeof(keep)))
		return MASK_TOO_LARGE;
	parts = part_list(m);
	memmove(parts + place + 1, parts + place, (n - place) * sizeof(keep));
	parts[place] = keep;
	return MASK_OK;
}

static enum mask_error source_walk(struct mask *m, const struct mask_source *s)
{
	switch ((enum source_kind)s->kind) {
	case SOURCE_TEXT:
		return mask_raw_scan(m, s->p, 0, s->len);
	case SOURCE_JSON:
		return mask_json_scan(m, s->p, 0, s->len, (enum schema)s->schema);
	case SOURCE_QUERY:
		return mask_percent_scan(m, s->p, 0, s->len);
	case SOURCE_MULTIPART:
		break;
	}
	return mask_multipart_scan(m, s->p, s->len, s->boundary, s->allow_binary);
}

static void source_begin(struct mask *m)
{
	m->epoch++;
	mask_text_room(m);
}

enum mask_error mask_source_scan(struct mask *m, const struct mask_source *s)
{
	size_t first = span_count(m);

	source_begin(m);
	mask_pieces(m);
	return part_end(m, s->part, first, source_walk(m, s));
}

/* The first time; kept for a second. */
static enum mask_error source_new(struct mask *m, const struct mask_source *s)
{
	if (s->len && mask_keep(m, &m->sources, s, sizeof(*s)))
		return MASK_TOO_LARGE;
	return mask_source_scan(m, s);
}

enum mask_error mask_scan_text(struct mask *m, unsigned part, const uint8_t *p, size_t len)
{
	const struct mask_source s = {.part = part, .kind = SOURCE_TEXT, .p = p, .len = len};

	return source_new(m, &s);
}

enum mask_error mask_json_begin(struct mask *m, unsigned part, enum schema schema)
{
	m->walked = part;
	m->walked_schema = schema;
	m->walked_from = span_count(m);
	source_begin(m);
	return mask_walk_begin(m, 0, schema);
}

enum mask_error mask_json_more(struct mask *m, const uint8_t *p, size_t len, bool last)
{
	const struct mask_source s = {.part = m->walked,
				      .kind = SOURCE_JSON,
				      .p = p,
				      .len = len,
				      .schema = (uint8_t)m->walked_schema};
	enum mask_error e;

	mask_pieces(m);
	e = mask_walk_on(m, p, len, last);
	if (e != MASK_OK || !last)
		return e;
	if (mask_keep(m, &m->sources, &s, sizeof(s)))
		return MASK_TOO_LARGE;
	return part_end(m, m->walked, m->walked_from, MASK_OK);
}

size_t mask_json_done(const struct mask *m)
{
	return m->walk->waits ? m->walk->token.off : m->walk->json.pos;
}

enum mask_error mask_scan_json(struct mask *m, unsigned part, const uint8_t *p, size_t len,
			       enum schema schema)
{
	enum mask_error e = mask_json_begin(m, part, schema);

	return e == MASK_OK ? mask_json_more(m, p, len, true) : e;
}

enum mask_error mask_scan_query(struct mask *m, unsigned part, const uint8_t *p, size_t len)
{
	const struct mask_source s = {.part = part, .kind = SOURCE_QUERY, .p = p, .len = len};

	return source_new(m, &s);
}

enum mask_error mask_scan_multipart(struct mask *m, unsigned part, const uint8_t *p, size_t len,
				    const char *boundary, bool allow_binary)
{
	const struct mask_source s = {.part = part,
				      .kind = SOURCE_MULTIPART,
				      .p = p,
				      .len = len,
				      .boundary = boundary,
				      .allow_binary = allow_binary};

	return source_new(m, &s);
}

static const struct mask_part *part_find(const struct mask *m, unsigned part)
{
	size_t place = part_place(m, part), n = buf_len(&m->parts) / sizeof(struct mask_part);

	return place < n && part_list(m)[place].name == part ? &part_list(m)[place] : NULL;
}

bool mask_found(const struct mask *m, unsigned part)
{
	return part_find(m, part) != NULL;
}

bool mask_place(const struct mask *m, unsigned part, size_t i, struct mask_place *place)
{
	const struct mask_part *found = part_find(m, part);
	const struct mask_span *span;
	const struct mask_value *v;

	if (!found || i >= found->n)
		return false;
	span = &span_list(m)[found->first + i];
	v = &((const struct mask_value *)buf_bytes(&m->values))[span->value];
	*place = (struct mask_place){.start = span->start,
				     .end = span->end,
				     .value = buf_bytes(&m->bytes) + v->off,
				     .len = v->len,
				     .type = v->type,
				     .number = v->number,
				     .rule = span->rule};
	return true;
}

const struct mask_span *mask_spans(const struct mask *m, unsigned part, size_t *n)
{
	const struct mask_part *found = part_find(m, part);

	*n = found ? found->n : 0;
	return found ? span_list(m) + found->first : NULL;
}

size_t mask_findings(const struct mask *m, struct mask_finding *out, size_t max)
{
	const struct mask_value *values = (const struct mask_value *)buf_bytes(&m->values);
	const struct mask_part *parts = part_list(m);
	size_t n = 0;

	for (size_t p = 0; p < buf_len(&m->parts) / sizeof(*parts); p++) {
		const struct mask_span *spans = span_list(m) + parts[p].first;

		for (size_t i = 0; i < parts[p].n && n < max; i++, n++)
			out[n] = (struct mask_finding){
				.type = values[spans[i].value].type,
				.known = spans[i].rule == RULE_KNOWN,
				.part = parts[p].name,
				.start = spans[i].start,
				.end = spans[i].end,
			};
	}
	return n;
}

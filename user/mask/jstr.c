/* SPDX-License-Identifier: Apache-2.0 */
#include "jstr_byte.h"

enum state {
	STATE_VALUE,	    /* a value must follow */
	STATE_ARRAY_FIRST,  /* a value, or the end of an empty array */
	STATE_OBJECT_FIRST, /* a key, or the end of an empty object */
	STATE_KEY,	    /* a key must follow: after a comma */
	STATE_COLON,
	STATE_AFTER, /* after a value: a comma, an end, or nothing more */
	STATE_ERROR,
};

/* RFC 8259 section 6. Numbers may end in those states that NUMBER_CAN_END names. */
enum number {
	NUMBER_START,
	NUMBER_MINUS,
	NUMBER_ZERO,
	NUMBER_INT,
	NUMBER_POINT,
	NUMBER_FRACTION,
	NUMBER_E,
	NUMBER_SIGN,
	NUMBER_EXPONENT,
	NUMBER_OVER, /* the byte does not belong to the number */
};
#define NUMBER_CAN_END                                                                             \
	(1u << NUMBER_ZERO | 1u << NUMBER_INT | 1u << NUMBER_FRACTION | 1u << NUMBER_EXPONENT)

static int fail(struct jstr *s, size_t at)
{
	s->state = STATE_ERROR;
	s->pos = at;
	return -1;
}

/* What to say when the bytes are used up at `len`. */
static int starve(struct jstr *s, size_t len, bool last)
{
	return last ? fail(s, len) : 0;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Length of the escape at buf[i] (RFC 8259 section 7); 0: cut off, -1: bad, *bad says where. */
static inline int escape_length(const uint8_t *buf, size_t i, size_t len, size_t *bad)
{
	if (len - i < 2)
		return 0;
	*bad = i + 1;
	if (buf[i + 1] != 'u')
		return jstr_simple[buf[i + 1]] ? 2 : -1;
	for (size_t k = i + 2; k < i + 6; k++) {
		if (k == len)
			return 0;
		*bad = k;
		if (jstr_hex(buf[k]) < 0)
			return -1;
	}
	return 6;
}

const uint8_t jstr_simple[256] = {
	['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
	['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};

/* The bits: " and /; the backslash; b, f and n; r and t. */
const uint8_t jstr_simple_low[16] = {
	[0x2] = 1 | 4 | 8, [0x4] = 8, [0x6] = 4, [0xc] = 2, [0xe] = 4, [0xf] = 1,
};
const uint8_t jstr_simple_high[16] = {[0x2] = 1, [0x5] = 2, [0x6] = 4, [0x7] = 8};

jstr_kernel *jstr_by(enum jstr_variant v)
{
	switch (v) {
#ifdef __x86_64__
	case JSTR_AVX512:
		return __builtin_cpu_supports("avx512bw") ? jstr_avx512 : NULL;
	case JSTR_AVX2:
		return __builtin_cpu_supports("avx2") ? jstr_avx2 : NULL;
#endif
	case JSTR_NEON:
		return jstr_neon;
	default:
		return NULL;
	}
}

jstr_decoder *jstr_decoder_best(void)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi") &&
	    __builtin_cpu_supports("avx512vbmi2"))
		return jstr_decode_avx512;
#endif
	return NULL;
}

static size_t pass_nothing(const uint8_t *buf, size_t i, size_t len, bool *escaped)
{
	(void)buf, (void)len, (void)escaped;
	return i;
}

static jstr_kernel *jstr_best(void)
{
	for (enum jstr_variant v = 0; v < JSTR_VARIANTS; v++)
		if (jstr_by(v))
			return jstr_by(v);
	return pass_nothing;
}

/* As jstr_skip_plain(), also over escapes. Most strings are short; but most bytes are in long ones. */
static inline size_t string_pass(struct jstr *s, const uint8_t *buf, size_t i, size_t len)
{
	if (len - i >= JSTR_BLOCK) {
		unsigned hits = chunk_special(buf + i) | chunk_special(buf + i + CHUNK) << CHUNK;

		if (hits)
			i += (unsigned)__builtin_ctz(hits);
		if (hits && buf[i] == '"')
			return i;
		if (!s->pass)
			s->pass = jstr_best();
		i = s->pass(buf, hits ? i : i + 2 * CHUNK, len, &s->escaped);
	}
	return jstr_skip_plain(buf, i, len);
}

static int string_next(struct jstr *s, const uint8_t *buf, size_t len, bool last,
		       struct jstr_token *t)
{
	bool key = s->state == STATE_KEY || s->state == STATE_OBJECT_FIRST;
	size_t i = s->scan, bad = 0;

	if (!i) {
		i = s->pos + 1;
		s->escaped = false;
	}
	while ((i = string_pass(s, buf, i, len)) < len && buf[i] != '"') {
		int n = buf[i] == '\\' ? escape_length(buf, i, len, &bad) : -1;

		if (n < 0)
			return fail(s, buf[i] == '\\' ? bad : i);
		if (n == 0)
			break;
		s->escaped = true;
		i += n;
	}
	s->scan = i;
	if (i == len || buf[i] == '\\')
		return starve(s, len, last);
	*t = (struct jstr_token){key ? JSTR_KEY : JSTR_STRING, s->escaped, s->pos + 1,
				 i - s->pos - 1, s->depth};
	s->pos = i + 1;
	s->scan = 0;
	s->state = key ? STATE_COLON : STATE_AFTER;
	return 1;
}

static int scalar_done(struct jstr *s, size_t end, struct jstr_token *t)
{
	*t = (struct jstr_token){JSTR_SCALAR, false, s->pos, end - s->pos, s->depth};
	s->pos = end;
	s->scan = 0;
	s->state = STATE_AFTER;
	return 1;
}

static enum number number_step(enum number n, uint8_t c)
{
	bool digit = is_digit(c);

	switch (n) {
	case NUMBER_START:
		if (c == '-')
			return NUMBER_MINUS;
		/* fall through */
	case NUMBER_MINUS:
		return !digit ? NUMBER_OVER : c == '0' ? NUMBER_ZERO : NUMBER_INT;
	case NUMBER_INT:
		if (digit)
			return NUMBER_INT;
		/* fall through */
	case NUMBER_ZERO:
		if (c == '.')
			return NUMBER_POINT;
		return (c | 0x20) == 'e' ? NUMBER_E : NUMBER_OVER;
	case NUMBER_FRACTION:
		if ((c | 0x20) == 'e')
			return NUMBER_E;
		/* fall through */
	case NUMBER_POINT:
		return digit ? NUMBER_FRACTION : NUMBER_OVER;
	case NUMBER_E:
		if (c == '+' || c == '-')
			return NUMBER_SIGN;
		/* fall through */
	default:
		return digit ? NUMBER_EXPONENT : NUMBER_OVER;
	}
}

static int number_next(struct jstr *s, const uint8_t *buf, size_t len, bool last,
		       struct jstr_token *t)
{
	enum number n = s->scan ? s->number : NUMBER_START, step;
	size_t i = s->scan ? s->scan : s->pos;

	for (; i < len; i++) {
		step = number_step(n, buf[i]);
		if (step == NUMBER_OVER)
			break;
		n = step;
	}
	if (i == len && !last) {
		s->scan = i;
		s->number = n;
		return 0;
	}
	if (!(NUMBER_CAN_END >> n & 1))
		return fail(s, i);
	return scalar_done(s, i, t);
}

static int word_next(struct jstr *s, const uint8_t *buf, size_t len, bool last, const char *word,
		     struct jstr_token *t)
{
	size_t i = s->pos;

	for (; *word; word++, i++) {
		if (i == len)
			return starve(s, len, last);
		if (buf[i] != (uint8_t)*word)
			return fail(s, i);
	}
	return scalar_done(s, i, t);
}

static int container_begin(struct jstr *s, bool object, struct jstr_token *t)
{
	uint8_t bit = 1u << s->depth % 8;

	if (s->depth == JSTR_MAX_DEPTH)
		return fail(s, s->pos);
	*t = (struct jstr_token){object ? JSTR_OBJECT_BEGIN : JSTR_ARRAY_BEGIN, false, s->pos++, 1,
				 s->depth};
	if (object)
		s->in_object[s->depth / 8] |= bit;
	else
		s->in_object[s->depth / 8] &= ~bit;
	s->depth++;
	s->state = object ? STATE_OBJECT_FIRST : STATE_ARRAY_FIRST;
	return 1;
}

static int container_end(struct jstr *s, bool object, struct jstr_token *t)
{
	s->depth--;
	*t = (struct jstr_token){object ? JSTR_OBJECT_END : JSTR_ARRAY_END, false, s->pos++, 1,
				 s->depth};
	s->state = STATE_AFTER;
	return 1;
}

static int value_next(struct jstr *s, const uint8_t *buf, size_t len, bool last,
		      struct jstr_token *t)
{
	switch (buf[s->pos]) {
	case '"':
		return string_next(s, buf, len, last, t);
	case '{':
		return container_begin(s, true, t);
	case '[':
		return container_begin(s, false, t);
	case 't':
		return word_next(s, buf, len, last, "true", t);
	case 'f':
		return word_next(s, buf, len, last, "false", t);
	case 'n':
		return word_next(s, buf, len, last, "null", t);
	default:
		return number_next(s, buf, len, last, t);
	}
}

bool jstr_in_object(const struct jstr *s)
{
	return s->depth && s->in_object[(s->depth - 1) / 8] >> (s->depth - 1) % 8 & 1;
}

/* The byte after a value. 1: *t is a container's end, 0: a comma was passed, go on. */
static int after_next(struct jstr *s, uint8_t c, struct jstr_token *t)
{
	bool object = jstr_in_object(s);

	if (!s->depth)
		return fail(s, s->pos);
	if (c == (object ? '}' : ']'))
		return container_end(s, object, t);
	if (c != ',')
		return fail(s, s->pos);
	s->pos++;
	s->state = object ? STATE_KEY : STATE_VALUE;
	return 0;
}

/* One step at the byte at s->pos, which is no white space. As jstr_next(), but 2: go on. */
static int step(struct jstr *s, const uint8_t *buf, size_t len, bool last, struct jstr_token *t)
{
	uint8_t c = buf[s->pos];
	int rc;

	switch (s->state) {
	case STATE_ARRAY_FIRST:
		if (c == ']')
			return container_end(s, false, t);
		/* fall through */
	case STATE_VALUE:
		return value_next(s, buf, len, last, t);
	case STATE_OBJECT_FIRST:
		if (c == '}')
			return container_end(s, true, t);
		/* fall through */
	case STATE_KEY:
		return c == '"' ? string_next(s, buf, len, last, t) : fail(s, s->pos);
	case STATE_COLON:
		if (c != ':')
			return fail(s, s->pos);
		s->pos++;
		s->state = STATE_VALUE;
		return 2;
	default:
		rc = after_next(s, c, t);
		return rc ? rc : 2;
	}
}

int jstr_next(struct jstr *s, const uint8_t *buf, size_t len, bool last, struct jstr_token *t)
{
	int rc;

	if (s->state == STATE_ERROR)
		return -1;
	do {
		while (s->pos < len && is_space(buf[s->pos]))
			s->pos++;
		if (s->pos == len) {
			if (!last || s->state != STATE_AFTER || s->depth)
				return starve(s, len, last);
			*t = (struct jstr_token){.kind = JSTR_END, .off = len};
			return 1;
		}
		rc = step(s, buf, len, last, t);
	} while (rc == 2);
	return rc;
}

size_t jstr_save(const struct jstr *s, uint8_t out[static JSTR_SAVED_MAX])
{
	uint32_t depth = s->depth;
	size_t bytes = depth / 8;

	out[0] = s->state;
	memcpy(out + 1, &depth, sizeof(depth));
	memcpy(out + 5, s->in_object, bytes);
	if (depth % 8) /* deeper ones were there once */
		out[5 + bytes] = s->in_object[bytes] & ((1u << depth % 8) - 1);
	return 5 + bytes + (depth % 8 != 0);
}

void jstr_load(struct jstr *s, const uint8_t *saved, size_t pos)
{
	uint32_t depth;

	memcpy(&depth, saved + 1, sizeof(depth));
	s->pos = pos;
	s->scan = 0;
	s->depth = depth;
	s->state = saved[0];
	memcpy(s->in_object, saved + 5, (depth + 7) / 8);
}

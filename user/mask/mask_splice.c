/* SPDX-License-Identifier: Apache-2.0 */
/* A part on its way out: its own bytes, and placeholders in place of what was found. */
#include "mask_scan.h"

/* A placeholder, and the quotes of a number that becomes a string. */
#define WRITTEN_MAX (PLACEHOLDER_MAX + 2)

/* 0: its number is not known. */
static size_t span_written(const struct mask *m, const struct mask_span *span,
			   char out[static WRITTEN_MAX])
{
	size_t quote = span->quoted, n = mask_placeholder(m, span->value, out + quote);

	if (!n || !quote)
		return n;
	out[0] = out[n + 1] = '"';
	return n + 2;
}

int mask_spliced_size(const struct mask *m, unsigned part, size_t len, size_t *size)
{
	size_t n, sum = len;
	const struct mask_span *spans = mask_spans(m, part, &n);

	for (size_t i = 0; i < n; i++) {
		char written[WRITTEN_MAX];
		size_t width = span_written(m, &spans[i], written);

		if (!width)
			return -1;
		sum += width;
		sum -= spans[i].end - spans[i].start;
	}
	*size = sum;
	return 0;
}

/* More of the placeholder that stands for this span; past its end, behind it. */
static size_t splice_span(const struct mask *m, const struct mask_span *span, struct mask_cut *cut,
			  uint8_t *to, size_t room)
{
	char written[WRITTEN_MAX];
	size_t left = span_written(m, span, written) - cut->put, n = left < room ? left : room;

	memcpy(to, written + cut->put, n);
	cut->put += n;
	if (n == left)
		*cut = (struct mask_cut){.at = span->end, .span = cut->span + 1};
	return n;
}

size_t mask_splice_some(const struct mask *m, unsigned part, const uint8_t *p, size_t len,
			struct mask_cut *cut, uint8_t *to, size_t room)
{
	size_t spans_n, n = 0;
	const struct mask_span *spans = mask_spans(m, part, &spans_n);

	while (n < room) {
		const struct mask_span *next = cut->span < spans_n ? &spans[cut->span] : NULL;
		size_t own = (next ? next->start : len) - cut->at;

		if (own) {
			own = own < room - n ? own : room - n;
			memcpy(to + n, p + cut->at, own);
			cut->at += own;
			n += own;
		} else if (next) {
			n += splice_span(m, next, cut, to + n, room - n);
		} else {
			break;
		}
	}
	return n;
}

int mask_splice(const struct mask *m, unsigned part, const uint8_t *p, size_t len, struct buf *out)
{
	struct mask_cut cut = {0};
	uint8_t *to;
	size_t size;

	if (mask_spliced_size(m, part, len, &size))
		return -1;
	to = buf_reserve(out, size);
	if (!to)
		return size ? -1 : 0;
	buf_grew(out, mask_splice_some(m, part, p, len, &cut, to, size));
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Where something was found, for whoever reports it. */
#include "exchange_parts.h"

static void finding_place(const struct exchange *x, unsigned part, struct exchange_finding *f)
{
	f->index = 0;
	if (part == PART_TARGET) {
		f->part = EXCHANGE_TARGET;
	} else if (part < PART_BODY) {
		f->part = EXCHANGE_HEADER;
		f->index = part - PART_FIELDS;
	} else if (x->request.kind == BODY_JSON_LINES) {
		f->part = EXCHANGE_LINE;
		f->index = part - PART_BODY;
	} else {
		f->part = EXCHANGE_BODY;
	}
}

/* All in the body are the last ones, and ascend. */
static void body_paths(const struct exchange *x, struct exchange_finding *out, size_t n)
{
	struct json_path paths[EXCHANGE_FINDINGS_MAX];
	const struct buf *body = request_text(x);

	for (size_t i = 0; i < n; i++)
		paths[i].off = out[i].path.off;
	json_paths(buf_bytes(body), buf_len(body), request_schema(x), paths, n);
	for (size_t i = 0; i < n; i++)
		out[i].path = paths[i];
}

size_t exchange_findings(const struct exchange *x, struct exchange_finding *out, size_t max)
{
	struct mask_finding found[EXCHANGE_FINDINGS_MAX];
	size_t n, outside = 0;

	if (max > EXCHANGE_FINDINGS_MAX)
		max = EXCHANGE_FINDINGS_MAX;
	n = mask_findings(x->mask, found, max);
	for (size_t i = 0; i < n; i++) {
		out[i].type = found[i].type;
		out[i].known = found[i].known;
		out[i].path.off = found[i].start;
		out[i].path.text[0] = 0;
		finding_place(x, found[i].part, &out[i]);
		outside += out[i].part != EXCHANGE_BODY;
	}
	if (x->request.kind == BODY_JSON && n > outside)
		body_paths(x, out + outside, n - outside);
	return n;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "html.h"

#include <inttypes.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"
#define ELLIPSIS "\xe2\x80\xa6"
#define NAME_MAX_CHARS 120

/* ---- text */

/* The character at the beginning and its bytes; 0: these bytes are none (RFC 3629). */
static size_t utf8_take(const unsigned char *p, uint32_t *c)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = *p < 0x80 ? 1 : *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;

	*c = *p;
	if (n == 1)
		return 1;
	if (*p < 0xc2 || *p > 0xf4)
		return 0;
	*c = *p & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3fu);
	}
	return *c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff) ? 0 : n;
}

/* Nothing to be seen of it, or it changes how its neighbours look; or XML does not take it. */
static bool is_treacherous(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
	       (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef) ||
	       (c >= 0xe0000 && c <= 0xe0fff);
}

/* Write one character. Returns the bytes that it took. */
static size_t put_character(FILE *out, const char *text)
{
	uint32_t c;
	size_t n = utf8_take((const unsigned char *)text, &c);

	if (n == 0 || is_treacherous(c)) {
		fputs(REPLACEMENT, out);
		return n ? n : 1;
	}
	switch (c) {
	case '&':
		fputs("&amp;", out);
		break;
	case '<':
		fputs("&lt;", out);
		break;
	case '>':
		fputs("&gt;", out);
		break;
	case '"':
		fputs("&quot;", out);
		break;
	case '\'':
		fputs("&#39;", out);
		break;
	default:
		fwrite(text, 1, n, out);
	}
	return n;
}

void html_text(FILE *out, const char *text)
{
	while (*text)
		text += put_character(out, text);
}

static size_t characters(const char *text)
{
	size_t count = 0;
	uint32_t c;

	for (; *text; count++) {
		size_t n = utf8_take((const unsigned char *)text, &c);

		text += n ? n : 1;
	}
	return count;
}

void html_name(FILE *out, const char *text, size_t most)
{
	size_t count = characters(text), front = count <= most ? count : (most - 1) / 3;
	size_t back = count <= most ? 0 : most - 1 - front;

	for (size_t i = 0; *text; i++) {
		uint32_t c;
		size_t n = utf8_take((const unsigned char *)text, &c);

		if (i < front || i >= count - back)
			put_character(out, text);
		else if (i == front)
			fputs(ELLIPSIS, out);
		text += n ? n : 1;
	}
}

/* ---- numbers */

void html_count(FILE *out, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			putc(',', out);
		putc(digits[i], out);
	}
}

void html_share(FILE *out, uint64_t part, uint64_t of)
{
	double share = of ? 100.0 * (double)part / (double)of : 0;

	if (of == 0)
		fputs("\xe2\x80\x93", out); /* a dash: of nothing there is no share */
	else if (part == 0 || part == of)
		fputs(part ? "100%" : "0%", out);
	else if (share < 0.1)
		fputs("&lt;0.1%", out);
	else if (share > 99.9)
		fputs("&gt;99.9%", out);
	else
		fprintf(out, "%.1f%%", share);
}

const char *html_compact(uint64_t n, char text[static 8])
{
	static const char units[] = " kMGTPE";
	double x = (double)n;
	int unit = 0;

	for (; x >= 999.5 && unit < 6; unit++)
		x /= 1000;
	if (unit == 0)
		snprintf(text, 8, "%" PRIu64, n);
	else
		snprintf(text, 8, x < 9.95 ? "%.1f%c" : "%.0f%c", x, units[unit]);
	if (text[1] == '.' && text[2] == '0')
		memmove(text + 1, text + 3, strlen(text + 3) + 1);
	return text;
}

void html_many(FILE *out, uint64_t n, const char *one, const char *many)
{
	html_count(out, n);
	fprintf(out, " %s", n == 1 ? one : many);
}

/* ---- tables */

void html_table(FILE *out, const char *id, const char *caption, const char *heads)
{
	fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"", out);
	html_text(out, caption);
	fputs("\">\n<table", out);
	if (id)
		fprintf(out, " id=\"%s\"", id);
	fputs("><caption>", out);
	html_text(out, caption);
	fputs("</caption>\n<thead><tr>", out);
	while (*heads) {
		size_t n = strcspn(heads, "|");
		bool number = *heads == '#';
		char head[64];

		snprintf(head, sizeof(head), "%.*s", (int)(n - number), heads + number);
		fprintf(out, "<th scope=\"col\"%s>", number ? " class=\"n\"" : "");
		html_text(out, head);
		fputs("</th>", out);
		heads += n + (heads[n] == '|');
	}
	fputs("</tr></thead>\n<tbody>\n", out);
}

void html_head_add(char *heads, size_t size, const char *name)
{
	size_t len = strlen(heads);

	snprintf(heads + len, size - len, "|#%.48s", name);
	for (len += 2; len < size && heads[len]; len++)
		if (heads[len] == '|')
			heads[len] = '?';
}

void html_row(FILE *out, const char *name)
{
	fputs("<tr><th scope=\"row\">", out);
	html_name(out, *name ? name : "(none)", NAME_MAX_CHARS);
	fputs("</th>", out);
}

void html_row_others(FILE *out, size_t n, const char *many)
{
	fputs("<tr class=\"others\"><th scope=\"row\">", out);
	html_count(out, n);
	fprintf(out, " other %s</th>", many);
}

void html_cell_count(FILE *out, uint64_t n)
{
	fputs(n ? "<td class=\"n\">" : "<td class=\"n zero\">", out);
	html_count(out, n);
	fputs("</td>", out);
}

void html_cell_share(FILE *out, uint64_t part, uint64_t of)
{
	fputs("<td class=\"n\">", out);
	html_share(out, part, of);
	fputs("</td>", out);
}

void html_cell_text(FILE *out, const char *text)
{
	fputs("<td>", out);
	html_name(out, text, NAME_MAX_CHARS);
	fputs("</td>", out);
}

void html_row_end(FILE *out)
{
	fputs("</tr>\n", out);
}

void html_table_end(FILE *out)
{
	fputs("</tbody></table></div>\n", out);
}

void html_fold(FILE *out, const char *summary)
{
	fputs("<details><summary>", out);
	html_text(out, summary);
	fputs("</summary>\n", out);
}

void html_fold_end(FILE *out)
{
	fputs("</details>\n", out);
}

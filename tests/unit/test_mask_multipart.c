/* SPDX-License-Identifier: Apache-2.0 */
#include "mask_world.h"

#include <criterion/criterion.h>

#define ID "i-0e81b5d7a3f2964c0"
#define ID2 "i-09c7f4e2b1a8d6035"
#define B "--xYz9"
#define CRLF "\r\n"
#define FIELD "Content-Disposition: form-data; name=\"f\"" CRLF
#define END CRLF B "--" CRLF
#define SIZE(a) (sizeof(a) / sizeof((a)[0]))

static enum mask_error mask_body(struct world *w, const char *body, bool allow_binary)
{
	return world_multipart(w, body, strlen(body), "xYz9", allow_binary);
}

/* Masked where the value stands, and everything else is as it came. */
static void expect_masked(struct world *w, const char *body)
{
	struct buf back;

	buf_init(&back, WORLD_MEMORY);
	cr_assert_eq(mask_body(w, body, false), MASK_OK, "%s", body);
	cr_expect(!out_has(w, ID), "%s", body);
	cr_expect(mask_found(w->mask, 0), "%s", body);
	world_restore(w, buf_bytes(&w->out), buf_len(&w->out), &back);
	cr_expect(buf_len(&back) == strlen(body) && !memcmp(buf_bytes(&back), body, strlen(body)),
		  "'%s' became '%.*s'", body, (int)buf_len(&back), (const char *)buf_bytes(&back));
	buf_free(&back);
}

Test(mask_multipart, masked_places)
{
	static const char *const bodies[] = {
		B CRLF FIELD CRLF ID END,
		B CRLF FIELD CRLF "\r\n" ID "\n" END,
		B CRLF CRLF ID END,
		B CRLF "Content-Disposition: form-data; name=\"" ID "\"" CRLF CRLF END,
		B CRLF "Content-Disposition: form-data; name=f; filename=\"" ID ".log\"" CRLF CRLF
		       "x" END,
		B CRLF "Content-Disposition: form-data; filename*=UTF-8''" ID ".log" CRLF CRLF END,
		B CRLF "X-Whatever: " ID CRLF CRLF END,
		B CRLF FIELD "Content-Type: text/plain" CRLF CRLF ID END,
		B CRLF FIELD "Content-Type: text/csv; charset=utf-8" CRLF CRLF "a," ID ",b" END,
		B CRLF FIELD "CONTENT-TYPE:text/plain" CRLF CRLF ID "\xe9" END,
		B CRLF FIELD "Content-Type: application/octet-stream" CRLF CRLF ID "\xc3\xa9" END,
		B CRLF FIELD "Content-Type: application/x-yaml" CRLF CRLF "a: " ID END,
		B CRLF FIELD "Content-Type: application/json" CRLF CRLF "{\"" ID "\":\"\"}" END,
		B CRLF FIELD "Content-Type: application/json;x=y" CRLF CRLF "{\"id\":\"" ID
			     "\"}" END,
		B CRLF FIELD "Content-Type: application/ld+JSON" CRLF CRLF "[\"\\n" ID "\"]" END,
		B CRLF FIELD "Content-Transfer-Encoding: 8bit" CRLF CRLF ID END,
		B CRLF FIELD "Content-Encoding: identity" CRLF CRLF ID END,
		"before " ID CRLF B CRLF FIELD CRLF "x" END,
		CRLF B CRLF FIELD CRLF ID END,
		B CRLF FIELD CRLF "x" END "after " ID,
		B CRLF FIELD CRLF "x" CRLF B CRLF FIELD CRLF ID END,
		B " \t" CRLF FIELD CRLF ID CRLF B "-- " CRLF,
		B CRLF FIELD CRLF ID CRLF B "--",
		B CRLF FIELD CRLF "mid-line " B " is none, " ID END,
	};
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < SIZE(bodies); i++)
		expect_masked(&w, bodies[i]);
	cr_expect_eq(w.vault.n, 1);
	world_free(&w);
}

Test(mask_multipart, encoded_file_names)
{
	static const char body[] =
		B CRLF "Content-Disposition: form-data; name=f; filename*=UTF-8''a%20%69%2D0e81b5d7"
		       "a3f2964c0%2elog" CRLF CRLF END;
	struct world w;

	world_init(&w);
	cr_assert_eq(mask_body(&w, body, false), MASK_OK);
	cr_expect(out_has(&w, "UTF-8''a%20EC2_INSTANCE_001%2elog\r\n"));
	cr_expect(memory_vault_find(&w.vault, TYPE_EC2_INSTANCE, ID, strlen(ID)));
	world_free(&w);
}

Test(mask_multipart, several_parts)
{
	static const char body[] = B CRLF FIELD CRLF ID CRLF B CRLF FIELD
		"Content-Type: application/json" CRLF CRLF "{\"a\":[\"" ID2
		"\"]}" CRLF B CRLF FIELD CRLF ID2 " " ID END;
	static const char want[] = B CRLF FIELD CRLF
		"EC2_INSTANCE_001" CRLF B CRLF FIELD "Content-Type: application/json" CRLF CRLF
		"{\"a\":[\"EC2_INSTANCE_002\"]}" CRLF B CRLF FIELD CRLF
		"EC2_INSTANCE_002 EC2_INSTANCE_001" END;
	struct world w;

	world_init(&w);
	cr_assert_eq(mask_body(&w, body, false), MASK_OK);
	cr_expect(buf_len(&w.out) == strlen(want) && out_has(&w, want));
	world_free(&w);
}

/* In which nothing can be seen: refused, or passed as policy says, but then byte for byte. */
Test(mask_multipart, binary_parts)
{
	static const struct {
		const char *head, *content;
		size_t len;
	} parts[] = {
		{"Content-Type: image/png" CRLF, "\x89PNG", 4},
		{"Content-Type: application/pdf" CRLF, "%PDF\xff\xfe", 6},
		{"Content-Type: application/octet-stream" CRLF, "\xff", 1},
		{"Content-Type: application/octet-stream" CRLF, ID "\0", 20},
		{"Content-Type: application/octet-stream" CRLF, ID "\xc0\x80", 21},
		{"Content-Type: application/octet-stream" CRLF, ID "\xed\xa0\x80", 22},
		{"Content-Type: application/octet-stream" CRLF, ID "\xc3", 20},
		{"Content-Type: application/octet-stream" CRLF, ID "\xf4\x90\x80\x80", 23},
		{"Content-Type: text/plain; charset=utf-16" CRLF,
		 "i\0-\0"
		 "0\0",
		 6},
		{"", "a\0b", 3},
		{"Content-Transfer-Encoding: base64" CRLF, "aS0wZTgx", 8},
		{"content-transfer-encoding: Quoted-Printable" CRLF, "i=2D0e81", 8},
		{"Content-Type: text/plain" CRLF "Content-Encoding: gzip" CRLF, "x", 1},
		{"Content-Type: application/json" CRLF "Content-Transfer-Encoding: base64" CRLF,
		 "e30=", 4},
		{"Content-Type: multipart/mixed; boundary=q" CRLF, "--q--", 5},
		{"Content-Type: message/rfc822" CRLF, "a: b", 4},
	};
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < SIZE(parts); i++) {
		struct buf body;

		buf_init(&body, 4096);
		cr_assert_eq(buf_puts(&body, B CRLF FIELD), 0);
		cr_assert_eq(buf_puts(&body, parts[i].head), 0);
		cr_assert_eq(buf_puts(&body, CRLF), 0);
		cr_assert_eq(buf_append(&body, parts[i].content, parts[i].len), 0);
		cr_assert_eq(buf_puts(&body, END), 0);
		cr_expect_eq(world_multipart(&w, buf_bytes(&body), buf_len(&body), "xYz9", false),
			     MASK_BINARY_PART, "%zu", i);
		cr_expect_eq(world_multipart(&w, buf_bytes(&body), buf_len(&body), "xYz9", true),
			     MASK_OK, "%zu", i);
		cr_expect(buf_len(&w.out) == buf_len(&body) &&
			  !memcmp(buf_bytes(&w.out), buf_bytes(&body), buf_len(&body)));
		buf_free(&body);
	}
	world_free(&w);
}

/* The name of a binary file is text all the same. */
Test(mask_multipart, binary_parts_have_names)
{
	struct world w;

	world_init(&w);
	cr_assert_eq(mask_body(&w,
			       B CRLF "Content-Disposition: form-data; filename=\"" ID ".png\"" CRLF
				      "Content-Type: image/png" CRLF CRLF "\x89PNG " ID END,
			       true),
		     MASK_OK);
	cr_expect(out_has(&w, "filename=\"EC2_INSTANCE_001.png\""));
	cr_expect(out_has(&w, "\x89PNG " ID CRLF));
	world_free(&w);
}

Test(mask_multipart, json_parts_are_json)
{
	struct world w;

	world_init(&w);
	cr_expect_eq(
		mask_body(&w, B CRLF "Content-Type: application/json" CRLF CRLF "{a" END, true),
		MASK_NOT_JSON);
	cr_expect_eq(mask_body(&w, B CRLF "Content-Type: application/json" CRLF CRLF END, true),
		     MASK_NOT_JSON);
	world_free(&w);
}

Test(mask_multipart, what_is_not_multipart)
{
	static const char *const bodies[] = {
		"",
		"no delimiter at all",
		B,
		B "--x",
		B CRLF,
		B CRLF FIELD CRLF "never ends",
		B CRLF FIELD CRLF "x" CRLF B,
		B CRLF FIELD CRLF "x" CRLF B "-" CRLF,
		B CRLF FIELD "x" END, /* no empty line */
		B CRLF B "--" CRLF,   /* nor a header at all */
		"x" B CRLF FIELD CRLF "x" B "--" CRLF,
		B "0" CRLF FIELD CRLF "x" END, /* another boundary, of which ours is a part */
		B CRLF FIELD CRLF CRLF B "0" CRLF END,
		"\n" B CRLF FIELD CRLF "x" END, /* line breaks that some take for one */
		B "\n" FIELD CRLF "x" END,
		B CRLF FIELD CRLF "x\n" B CRLF FIELD CRLF "y" END,
		B CRLF FIELD CRLF "x\r" B CRLF FIELD CRLF "y" END,
		B CRLF "Content-Type: a" CRLF " b" CRLF CRLF END, /* folded */
		B CRLF "Content-Type : text/plain" CRLF CRLF END,
		B CRLF "no colon" CRLF CRLF END,
		B CRLF ": no name" CRLF CRLF END,
		B CRLF "A: b\nContent-Type: image/png" CRLF CRLF END,
		B CRLF "A: b\rC: d" CRLF CRLF END,
		B CRLF "A: \x01" CRLF CRLF END,
		B CRLF "Content-Type: text/plain" CRLF "content-type: image/png" CRLF CRLF END,
		B CRLF "Content-Transfer-Encoding: 7bit" CRLF
		       "Content-Transfer-Encoding: base64" CRLF CRLF END,
		B CRLF FIELD FIELD CRLF END,
		"\xff" CRLF B CRLF FIELD CRLF END,
		B CRLF FIELD CRLF END "\xff",
	};
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < SIZE(bodies); i++)
		cr_expect_eq(mask_body(&w, bodies[i], true), MASK_NOT_MULTIPART, "%zu: %s", i,
			     bodies[i]);
	world_free(&w);
}

Test(mask_multipart, boundaries)
{
	char longest[72] = "", body[300];
	struct world w;

	world_init(&w);
	memset(longest, 'b', 70);
	snprintf(body, sizeof(body), "--%s\r\n\r\n%s\r\n--%s--", longest, ID, longest);
	cr_expect_eq(world_multipart(&w, body, strlen(body), longest, false), MASK_OK);
	cr_expect(!out_has(&w, ID));
	longest[70] = 'b';
	snprintf(body, sizeof(body), "--%s\r\n\r\n%s\r\n--%s--", longest, ID, longest);
	cr_expect_eq(world_multipart(&w, body, strlen(body), longest, false), MASK_NOT_MULTIPART);
	cr_expect_eq(world_multipart(&w, "--\r\n\r\nx\r\n----", 14, "", false), MASK_NOT_MULTIPART);
	world_free(&w);
}

/* Cut anywhere, a body is refused or, in its epilogue, whole. */
Test(mask_multipart, every_beginning)
{
	static const char body[] = B CRLF FIELD CRLF ID CRLF B CRLF FIELD
		"Content-Type: application/json" CRLF CRLF "{\"a\":\"" ID "\"}" END;
	size_t whole = strlen(body) - 2;
	struct world w;

	world_init(&w);
	for (size_t len = 0; len <= strlen(body); len++) {
		bool ends = len == whole || len == strlen(body);

		cr_expect_eq(world_multipart(&w, body, len, "xYz9", true),
			     ends ? MASK_OK : MASK_NOT_MULTIPART, "%zu", len);
	}
	world_free(&w);
}

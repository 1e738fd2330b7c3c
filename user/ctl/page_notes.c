/* SPDX-License-Identifier: Apache-2.0 */
/* What the numbers mean and do not mean, and how the page came about. */
#include "page_private.h"

#include <inttypes.h>

#define SECONDS_OF_DAY 86400

static void list(FILE *out, const char *const *items, size_t n)
{
	fputs("<ul>\n", out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "<li>%s</li>\n", items[i]);
	fputs("</ul>\n", out);
}

void page_write_limits(const struct page *p, FILE *out)
{
	static const char *const protects[] = {
		"A connection of what is enrolled, to a masked port, is masked, passed through if "
		"it "
		"goes to no target, or refused. While awsmaskd is down it is refused, unless "
		"<code>fail: open</code> says otherwise.",
		"In a masked request, each value that is recognised has a placeholder in its "
		"place. "
		"What comes back is restored on the host, so the agent works as before.",
		"A placeholder means the same from then on, and only within its scope: a user, as "
		"a "
		"rule.",
		"The real values stay on the host, sealed in its vault. No log, metric, report or "
		"page "
		"has them.",
	};
	static const char *const does_not[] = {
		"What is not enrolled, and what was observed rather than enforced.",
		"Values that neither their form nor what stands beside them gives away: a bucket's "
		"name in plain prose, before it was seen in an address. What else is secret to you "
		"can "
		"be listed or described under <code>types</code>.",
		"Types and values that the configuration lets pass, and the examples of AWS's own "
		"documentation.",
		"Images, PDFs and other binary content in requests; what the model signed before "
		"it "
		"was masked.",
		"The structure of what is said: that there is an instance, how many, and what for. "
		"Names of regions stay readable.",
		"Hosts that are no targets, other ports, and who has root on the host.",
	};

	(void)p;
	fputs("<p>The model\xe2\x80\x99s service is not to learn which AWS resources there are. "
	      "The "
	      "agent is taken for honest but careless. The README and awsmask(7) say all of it; "
	      "this is the short of it.</p>\n<div class=\"columns\">\n<div><h3>Protected</h3>\n",
	      out);
	list(out, protects, sizeof(protects) / sizeof(*protects));
	fputs("</div>\n<div><h3>Not protected</h3>\n", out);
	list(out, does_not, sizeof(does_not) / sizeof(*does_not));
	fputs("</div>\n</div>\n", out);
}

/* ---- how it was made */

static void say_source(const struct page *p, FILE *out)
{
	fputs("<tr><th scope=\"row\">Source</th><td>", out);
	if (p->from_daemon)
		fputs("the awsmaskd that runs on this host", out);
	else
		html_many(out, p->hosts, "report\xe2\x80\x99s file", "reports\xe2\x80\x99 files");
	fputs(", read by awsmaskctl " AWSMASK_VERSION "</td></tr>\n", out);
}

static void say_period(const struct page *p, FILE *out)
{
	int64_t today = p->made / SECONDS_OF_DAY;

	fputs("<tr><th scope=\"row\">Period</th><td>", out);
	if (p->since) {
		fputs("from ", out);
		page_day(out, p->since);
		fputs(" on, by <code>--since</code>", out);
	} else {
		fputs("all that is kept", out);
	}
	if (p->time.n) {
		fputs("; days with data: ", out);
		html_count(out, p->days.n);
		fprintf(out, " of %" PRId64, p->time.last - p->time.first + 1);
	}
	if (p->time.n && today > p->time.last) {
		fputs("; the last of them was ", out);
		html_many(out, (uint64_t)(today - p->time.last), "day", "days");
		fputs(" before this page was made", out);
	}
	fputs(". Days begin at midnight UTC.</td></tr>\n", out);
}

static void say_missing(const struct page *p, FILE *out)
{
	uint64_t unwritten = 0, lost = 0;
	size_t old = 0;

	for (size_t i = 0; i < p->hosts; i++) {
		unwritten += p->host[i].unwritten;
		lost += p->host[i].lost;
		old += !*p->host[i].version;
	}
	fputs("<tr><th scope=\"row\">Missing</th><td>", out);
	if (unwritten || lost) {
		html_many(out, unwritten, "request waits", "requests wait");
		fputs(" to be written, ", out);
		html_count(out, lost);
		fputs(" were lost for want of room. ", out);
	}
	if (old) {
		html_many(out, old, "file", "files");
		fputs(" of an earlier version: it kept neither connections nor reasons. ", out);
	}
	if (!unwritten && !lost && !old)
		fputs("nothing that is known of", out);
	fputs("</td></tr>\n", out);
}

static void say_names(const struct page *p, FILE *out)
{
	fputs("<tr><th scope=\"row\">Names</th><td>Of cgroups, hosts and targets: ", out);
	if (p->masked_names)
		html_many(out, p->masked_names,
			  "held an identifier, which is masked here as in a request; its number is "
			  "of this page alone.",
			  "held identifiers, which are masked here as in a request; their numbers "
			  "are of this page alone.");
	else
		fputs("none holds an identifier that awsmask recognises; one would be masked.",
		      out);
	fputs(" Own types have the labels of the configuration.</td></tr>\n", out);
}

void page_write_making(const struct page *p, FILE *out)
{
	fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"How this page was "
	      "made\"><table><caption>Facts of this page</caption><tbody>\n",
	      out);
	say_source(p, out);
	say_period(p, out);
	say_missing(p, out);
	say_names(p, out);
	fprintf(out,
		"<tr><th scope=\"row\">Bounds</th><td>At most %d rows to a table, %d types to a "
		"stack of bars, %d cgroups by %d types in the map, and %d bars; what is beyond is "
		"summed up as others.</td></tr>\n"
		"<tr><th scope=\"row\">Counting</th><td>A value that occurs several times is "
		"counted "
		"each time, and so is a conversation that is sent again with each turn. Requests "
		"are "
		"counted when they have come to their end. In observe mode no names are learned "
		"from "
		"one request to the next, so enforcing may find more.</td></tr>\n"
		"<tr><th scope=\"row\">This page</th><td>No script, no request to anywhere; its "
		"policy "
		"(Content-Security-Policy) forbids both. The same numbers: <code>awsmaskctl report "
		"--json</code>.</td></tr>\n</tbody></table></div>\n",
		PAGE_ROWS_MAX, PAGE_SERIES - 1, PAGE_HEAT_ROWS, PAGE_HEAT_COLUMNS,
		PAGE_BUCKETS_MAX);
}

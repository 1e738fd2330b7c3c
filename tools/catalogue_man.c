/* SPDX-License-Identifier: Apache-2.0 */
/* Print awsmask-catalogue(7): the catalogue for people, made from the catalogue itself. */
#include "../user/mask/known.h"

#include <stdio.h>
#include <string.h>

static const char head[] =
	".\\\" SPDX-License-Identifier: Apache-2.0\n"
	".\\\" Generated from the catalogue: do not edit.\n"
	".Dd November 21, 2026\n"
	".Dt AWSMASK-CATALOGUE 7\n"
	".Os awsmask\n"
	".Sh NAME\n"
	".Nm awsmask-catalogue\n"
	".Nd the identifiers that awsmask finds\n"
	".Sh DESCRIPTION\n"
	"These are the types of AWS identifiers and credentials that\n"
	".Xr awsmaskd 8\n"
	"finds in what is sent.\n"
	"The name of a type is the beginning of its placeholders:\n"
	".Li EC2_INSTANCE_001\n"
	"stands for an EC2 instance id.\n"
	".Pp\n"
	"Types are sorted into four classes, by what somebody who reads them would learn.\n"
	"In\n"
	".Xr awsmask.yaml 5\n"
	"a class or a single type can be given another action than the default, which is to mask.\n"
	"Types that are marked\n"
	".Dq off by default\n"
	"are left alone unless the configuration names them.\n"
	".Pp\n"
	"A type that is\n"
	".Dq learned\n"
	"is found by what stands beside it, such as a key or a host name; from then on the same "
	"value is\n"
	"masked wherever it stands as a whole word.\n"
	"Values that are too short, or too common, are not learned.\n"
	".Pp\n"
	".Xr awsmaskctl 8\n"
	"prints the same by its command\n"
	".Cm catalogue ,\n"
	"and its command\n"
	".Cm test\n"
	"says what is found in a text, and why.\n";

static const char tail[] = ".Sh SEE ALSO\n"
			   ".Xr awsmask.yaml 5 ,\n"
			   ".Xr awsmask 7 ,\n"
			   ".Xr awsmaskctl 8 ,\n"
			   ".Xr awsmaskd 8\n";

static const struct {
	enum sensitivity sensitivity;
	const char *title, *text;
} classes[] = {
	{SENSITIVITY_SECRET, "SECRETS", "Who reads one can use it."},
	{SENSITIVITY_NAME, "NAMES", "Somebody chose them, and they say what for."},
	{SENSITIVITY_NETWORK, "NETWORK", "Addresses and host names of one's own."},
	{SENSITIVITY_ID, "IDENTIFIERS", "AWS made them; they name one resource or account."},
};

/* A line of text: what roff would take for a request or an escape is told apart. */
static void put_text(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++)
		if (*text == '\\')
			fputs("\\e", stdout);
		else
			putchar(*text);
	putchar('\n');
}

/* An address, which may go on on the next line behind any of its slashes. */
static void put_link(const char *address)
{
	fputs(".br\n.Lk ", stdout);
	for (const char *p = address; *p; p++) {
		putchar(*p);
		if (p[0] == '/' && p[1] != '/')
			fputs("\\:", stdout);
	}
	putchar('\n');
}

static void put_type(enum mask_type type)
{
	const struct type_info *info = &type_table[type];

	printf(".It %s\n", info->label);
	put_text(info->description);
	if (type_is_optional(type))
		printf(".Pq off by default\n");
	if (known_learns_type(type))
		printf(".Pq learned\n");
	if (!strncmp(info->source, "https://", 8))
		put_link(info->source);
}

int main(void)
{
	fputs(head, stdout);
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		printf(".Sh %s\n%s\nIn the configuration:\n.Li %s .\n.Bl -tag -width Ds\n",
		       classes[i].title, classes[i].text,
		       sensitivity_names[classes[i].sensitivity]);
		for (int t = 0; t < TYPE_COUNT; t++)
			if (type_table[t].sensitivity == classes[i].sensitivity)
				put_type((enum mask_type)t);
		printf(".El\n");
	}
	fputs(tail, stdout);
	return fflush(stdout) || ferror(stdout);
}

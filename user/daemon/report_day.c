/* SPDX-License-Identifier: Apache-2.0 */
#include "report_db.h"

#include <string.h>
#include <time.h>

#define LAST_DAY 2932896 /* of the year 9999 */
#define SECONDS 86400

int report_day_parse(const char *text, int64_t *day)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	char again[16];
	int64_t n;

	if (!end || *end || strlen(text) != 10)
		return -1;
	n = (int64_t)timegm(&tm) / SECONDS;
	/* February 30th would be taken for March 2nd. */
	report_day_format(n, again);
	if (n < 0 || strcmp(again, text))
		return -1;
	*day = n;
	return 0;
}

void report_day_format(int64_t day, char text[static 16])
{
	struct tm tm;
	time_t at;

	strcpy(text, "?");
	if (day < 0 || day > LAST_DAY)
		return;
	at = (time_t)day * SECONDS;
	if (!gmtime_r(&at, &tm) || !strftime(text, 16, "%Y-%m-%d", &tm))
		strcpy(text, "?");
}

int64_t report_today(void)
{
	return (int64_t)time(NULL) / SECONDS;
}

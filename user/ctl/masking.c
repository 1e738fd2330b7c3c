/* SPDX-License-Identifier: Apache-2.0 */
#include "masking.h"

static int load_policies(struct masking *m, const struct config *c, struct err *e)
{
	struct buf content;

	buf_init(&content, LIST_FILE_MAX * LIST_FILES_MAX);
	if (list_read_all(c, &content, e) == 0)
		m->policies = policies_new(c, m->types, &content, e);
	buf_free(&content);
	return m->policies ? 0 : -1;
}

int masking_open_types(struct masking *m, const struct config *c, struct vault *vault,
		       struct err *e)
{
	*m = (struct masking){.types = config_own_types(c)};
	if (!m->types)
		return err_set(e, "memory is out");
	return vault ? vault_types(vault, m->types, e) : 0;
}

int masking_open(struct masking *m, const struct config *c, struct vault *vault, struct err *e)
{
	char why[256];

	if (masking_open_types(m, c, vault, e) < 0)
		return -1;
	m->catalogue = catalogue_new(why, sizeof(why));
	if (!m->catalogue)
		return err_set(e, "the catalogue does not compile: %s", why);
	if (policies_extend(m->catalogue, c, m->types, e) < 0)
		return -1;
	return load_policies(m, c, e);
}

void masking_close(struct masking *m)
{
	policies_free(m->policies);
	catalogue_free(m->catalogue);
	types_free(m->types);
	*m = (struct masking){0};
}

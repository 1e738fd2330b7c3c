/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_JSON_TEXT_H
#define AWSMASK_JSON_TEXT_H
#include <jansson.h>

/* A name as JSON can hold it. Names are bytes: of what is no UTF-8 every byte beyond ASCII is a '?'. NULL: memory is out. */
json_t *json_text_of(const char *name);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "page_private.h"

/* page.css, in quotes. */
const char page_style[] =
#include "page_css.h"
	;

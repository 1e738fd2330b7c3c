/* SPDX-License-Identifier: Apache-2.0 */
#include "page_private.h"

#include "page_css.h" /* made from page.css */

const char page_style[] = PAGE_CSS;

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CONFIG_VALUE_H
#define AWSMASK_CONFIG_VALUE_H
/* One scalar of the configuration: text to value and back. 0, or -1 and the output untouched. */
#include "config.h"

#define HOST_MAX 254 /* a host name of 253 bytes (RFC 1035 section 2.3.4) and its NUL */

int config_number(const char *text, size_t min, size_t max, size_t *n);
int config_port(const char *text, uint16_t *port);
/* "4096", "512KiB", "64MiB", "1GiB" */
int config_size(const char *text, size_t min, size_t max, size_t *n);
/* "90d" */
int config_days(const char *text, size_t min, size_t max, size_t *n);
/* The longest form without a fraction, for config_size() to read back. */
void config_size_text(size_t n, char text[static 32]);
/* "10.0.0.0/8", "fe80::/10"; host bits must be zero. */
int config_net(const char *text, struct config_net *net);
void config_net_text(const struct config_net *net, char text[static 64]);
/* A plain host name (RFC 1123 section 2.1: letters, digits, hyphens), lowered; no IP address. */
int config_host(const char *text, char host[static HOST_MAX]);
/* "1.2.3.4:80", "[::1]:80" and, if `names`, "host.example:80". */
int config_endpoint(const char *text, bool names);
/* "127.0.0.1:80", "[::1]:80": an endpoint that only this host reaches. */
int config_loopback(const char *text);

#endif

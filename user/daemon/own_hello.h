/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_OWN_HELLO_H
#define AWSMASK_OWN_HELLO_H
/*
 * Our own connections to origins may come back to us: what carries them away (a proxy, the network
 * of a rootless container) may be a process that is enrolled itself. They are known by their
 * ClientHello, which is here from when it is sent until its handshake is over. Who sends a copy of
 * it gains nothing: without our ephemeral key no TLS comes of it.
 *
 * One per process; thread-safe.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OWN_HELLO_SIZE 32

struct own_hellos;

/* NULL: memory is out. */
__attribute__((warn_unused_result)) struct own_hellos *own_hellos_new(void);
void own_hellos_free(struct own_hellos *h);

/* What stands for this ClientHello, a handshake message without its record's header. */
void own_hello_digest(const void *message, size_t len, uint8_t digest[static OWN_HELLO_SIZE]);
/* When there is no room it is not known, and opened as anybody's. */
void own_hellos_add(struct own_hellos *h, const uint8_t digest[static OWN_HELLO_SIZE]);
void own_hellos_drop(struct own_hellos *h, const uint8_t digest[static OWN_HELLO_SIZE]);
/* Whether the first record of a connection is nothing but one of them. */
bool own_hellos_has(struct own_hellos *h, const uint8_t *record, size_t len);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/container.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define ID "4be0c1d27f3a9586e01b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f6071"
#define OTHER "90a1b2c3d4e5f60714be0c1d27f3a9586e01b2c3d4e5f60718293a4b5c6d7e8f"

static const struct {
	const char *path, *name; /* NULL: none */
	const char *below;	 /* what of the path lies in the container; NULL: nothing */
} table[] = {
	{"/sys/fs/cgroup/system.slice/docker-" ID ".scope", "docker:4be0c1d27f3a", NULL},
	{"/sys/fs/cgroup/docker/" ID, "docker:4be0c1d27f3a", NULL},
	{"/docker/" ID "/system.slice/cron.service", "docker:4be0c1d27f3a",
	 "/system.slice/cron.service"},
	{"/machine.slice/libpod-" ID ".scope", "podman:4be0c1d27f3a", NULL},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container",
	 "podman:4be0c1d27f3a", "/container"},
	{"/libpod_parent/" ID, "podman:4be0c1d27f3a", NULL},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1234_5.slice/"
	 "cri-containerd-" ID ".scope",
	 "containerd:4be0c1d27f3a", NULL},
	{"/system.slice/containerd.service/kubepods-besteffort-pod1.slice:cri-containerd:" ID,
	 "containerd:4be0c1d27f3a", NULL},
	{"/kubepods.slice/kubepods-pod7.slice/crio-" ID ".scope", "cri-o:4be0c1d27f3a", NULL},
	{"/kubepods/besteffort/pod0c1d-27f3/" ID, "kubernetes:4be0c1d27f3a", NULL},
	{"/kubepods.slice/kubepods-pod7.slice/" ID, "kubernetes:4be0c1d27f3a", NULL},
	{"/system.slice/nerdctl-" ID ".scope", "containerd:4be0c1d27f3a", NULL},
	{"/default/" ID, "container:4be0c1d27f3a", NULL},
	{"/machine.slice/systemd-nspawn@web.service", "nspawn:web", NULL},
	{"/machine.slice/systemd-nspawn@web.service/payload/init.scope", "nspawn:web",
	 "/payload/init.scope"},
	{"/machine.slice/systemd-nspawn@build\\x2dbox.service", "nspawn:build-box", NULL},
	{"/machine.slice/machine-qemu\\x2d1.scope", "machine:qemu-1", NULL},
	{"/lxc/web", "lxc:web", NULL},
	{"/lxc.payload.web", "lxc:web", NULL},
	{"/lxc.payload/web/system.slice", "lxc:web", "/system.slice"},
	/* the innermost */
	{"/docker/" ID "/kubepods/pod1/" OTHER "/x", "kubernetes:90a1b2c3d4e5", "/x"},
	{"/lxc/web/docker/" ID, "docker:4be0c1d27f3a", NULL},
	/* none */
	{"", NULL, NULL},
	{"/", NULL, NULL},
	{"/user.slice/user-1000.slice/session-3.scope", NULL, NULL},
	{"/system.slice/docker.service", NULL, NULL},
	{"/docker", NULL, NULL},
	{"/lxc", NULL, NULL},
	{"/lxc.monitor.web", NULL, NULL},
	{"/machine.slice/libpod-conmon-" ID ".scope", NULL, NULL},
	{"/kubepods.slice/crio-conmon-" ID ".scope", NULL, NULL},
	{"/x-docker-" ID ".scope", NULL, NULL},
	{"/docker-" ID "0.scope", NULL, NULL},
	{"/docker-4be0c1d27f3a.scope", NULL, NULL},
	{"/machine.slice/systemd-nspawn@.service", NULL, NULL},
	{"/lxc.payload.", NULL, NULL},
	{"id:4711", NULL, NULL},
};

Test(container, table)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct container c = {.name = "untouched", .len = 12345};
		const char *path = table[i].path;
		bool found = container_find(path, &c);

		cr_expect_eq(found, table[i].name != NULL, "%s", path);
		cr_expect_str_eq(c.name, table[i].name ? table[i].name : "untouched", "%s", path);
		if (found)
			cr_expect_str_eq(path + c.len, table[i].below ? table[i].below : "", "%s",
					 path);
		else
			cr_expect_eq(c.len, 12345);
	}
}

Test(container, every_prefix_of_a_path_and_long_names)
{
	char path[512], longest[400];
	struct container c;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (size_t n = 0; n <= strlen(table[i].path); n++) {
			memcpy(path, table[i].path, n);
			path[n] = 0;
			if (container_find(path, &c))
				cr_expect(c.len <= n && strlen(c.name) < sizeof(c.name));
		}
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	snprintf(path, sizeof(path), "/lxc/%s", longest);
	cr_assert(container_find(path, &c));
	cr_expect_eq(strlen(c.name), sizeof(c.name) - 1);
	snprintf(path, sizeof(path), "/lxc/a\\x2");
	cr_assert(container_find(path, &c));
	cr_expect_str_eq(c.name, "lxc:a\\x2");
	snprintf(path, sizeof(path), "/lxc/a\\x0ab\\xzz");
	cr_assert(container_find(path, &c));
	cr_expect_str_eq(c.name, "lxc:a\\x0ab\\xzz");
}

# SPDX-License-Identifier: Apache-2.0
# The provisioners of a runner image; the source is yours, and this is its name. The CA is made at an instance's first start, never in the image.
build {
  sources = ["source.amazon-ebs.runner"]

  provisioner "file" {
    source      = var.awsmask_deb
    destination = "/tmp/awsmask.deb"
  }
  provisioner "shell" {
    inline = [
      "sudo apt-get update && sudo apt-get install -y /tmp/awsmask.deb",
      "sudo install -m 0644 /usr/share/awsmask/ci/systemd/ci.slice /etc/systemd/system/ci.slice",
      "sudo install -D -m 0644 /usr/share/awsmask/ci/systemd/awsmask.conf /etc/systemd/system/${var.runner_unit}.d/awsmask.conf",
      "echo 'enroll: [ci.slice]' | sudo tee /etc/awsmask/awsmask.yaml",
      "printf '[Service]\\nExecStartPost=+/usr/sbin/awsmaskctl ca install\\n' | sudo install -D -m 0644 /dev/stdin /etc/systemd/system/awsmaskd.service.d/ca.conf",
      "sudo systemctl stop awsmaskd awsmask-worker.socket awsmask-worker.service",
      "sudo find /var/lib/awsmask /var/log/awsmask -mindepth 1 -delete",
    ]
  }
}

variable "awsmask_deb" {
  type = string
}

variable "runner_unit" {
  type    = string
  default = "actions-runner.service"
}

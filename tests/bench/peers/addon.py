# SPDX-License-Identifier: Apache-2.0
"""A masking addon for mitmproxy."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import seven  # noqa: E402


def request(flow):
    flow.request.text = seven.mask(flow.request.text)


def responseheaders(flow):
    flow.response.headers.pop("content-length", None)
    flow.response.headers["transfer-encoding"] = "chunked"
    flow.response.stream = lambda piece: seven.unmask(piece.decode(errors="surrogateescape")).encode(
        errors="surrogateescape")

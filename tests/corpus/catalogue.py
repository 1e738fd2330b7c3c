# SPDX-License-Identifier: Apache-2.0
"""The product's types and their classes, read out of its catalogue by the preprocessor."""
import re
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Dict, Set

ROOT = Path(__file__).resolve().parents[2]
PROBE = """
#define TYPE(name, class_, ...) @type #name #class_
#define RULE(...)
#define OPTIONAL(name) @optional #name
#define LEARNED(name)
#include "user/mask/catalogue.def"
"""


@lru_cache(maxsize=None)
def _text() -> str:
    return subprocess.run(["gcc", "-E", "-P", "-x", "c", "-I", str(ROOT), "-"], input=PROBE,
                          stdout=subprocess.PIPE,
                          check=True, universal_newlines=True).stdout


def classes() -> Dict[str, str]:
    """Each type that is masked by default, and what it is: secret, id, network or name."""
    return {name: class_.lower() for name,
            class_ in re.findall(r'@type "(\w+)" "(\w+)"', _text()) if name not in optional()}


def optional() -> Set[str]:
    """Types that are off by default."""
    return set(re.findall(r'@optional "(\w+)"', _text()))

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The corpus: documents with their labels, made from a seed.

  corpus.py [--seed SEED] [--documents N]     prints them, one JSON object a line
"""
import argparse
import json
import sys
from typing import Callable, Dict, List

import blocks
import genres_cli
import genres_code
import genres_forms
import genres_iac
import genres_logs
import genres_text
from dice import Dice
from marks import Document, document
from world import Decks, World

DOCUMENTS = 705
GENRES: Dict[str, Callable[[World], str]] = {
    **genres_cli.GENRES, **genres_iac.GENRES, **genres_code.GENRES, **genres_logs.GENRES, **genres_text.GENRES,
    **genres_forms.GENRES}


def build(seed: str = "1", documents: int = DOCUMENTS) -> List[Document]:
    """All genres in turn. A seed gives the same documents wherever and whenever it is asked."""
    decks = Decks(f"decks {seed}", blocks.BLOCKS)
    names, made = list(GENRES), []
    for n in range(documents):
        genre = names[n % len(names)]
        world = World(Dice(f"{seed}/{n}"), decks)
        made.append(document(f"{n:04}", genre, GENRES[genre](world)))
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    args = parser.parse_args()
    for one in build(args.seed, args.documents):
        sys.stdout.write(json.dumps(one.to_json(), ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

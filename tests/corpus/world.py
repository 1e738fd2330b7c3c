# SPDX-License-Identifier: Apache-2.0
"""What one document is about: an account or two, a Region, and facts dealt from a deck that all documents share,
so that every type comes round."""
import re
from dataclasses import dataclass
from typing import Callable, Dict, Generic, List, Sequence, TypeVar

import facts
import ids
from dice import Dice
from marks import keep, neutral, value

ACRONYMS = {"db": "DB", "dns": "DNS", "url": "Url"}
T = TypeVar("T")
ROLE_ARN = "arn:aws:iam::{AWS_ACCOUNT}:role/{ARN_RESOURCE}"
IMAGE = "{AWS_ACCOUNT}.dkr.ecr.{region}.amazonaws.com/{ECR_REPOSITORY}:{version}"
PLACE = re.compile(r"\{([A-Za-z0-9_]+)\}")


def camel(words: str) -> str:
    return "".join(ACRONYMS.get(w, w.capitalize()) for w in words.split())


def lower_camel(words: str) -> str:
    first, *rest = words.split()
    return first + "".join(w.capitalize() for w in rest)


def snake(words: str) -> str:
    return words.replace(" ", "_")


def kebab(words: str) -> str:
    return words.replace(" ", "-")


def upper(words: str) -> str:
    return snake(words).upper()


def title(words: str) -> str:
    return " ".join(w.upper() if w in ("id", "arn", "url", "dns", "db", "kms", "vpc", "ip") else w.capitalize()
                    for w in words.split())


@dataclass(frozen=True)
class Said:
    """A fact as this document tells it: `key` is words, `text` is marked."""
    service: str
    key: str
    text: str
    template: str
    alone: bool


class Deck(Generic[T]):
    """Cards in an order of chance, again and again."""

    def __init__(self, dice: Dice, cards: Sequence[T]):
        self._dice, self._cards = dice, cards
        self._left: List[T] = []

    def deal(self) -> T:
        if not self._left:
            self._left = self._dice.shuffled(self._cards)
        return self._left.pop()


class Decks:
    """What all documents of a corpus deal from: types, those that need no key, and blocks (blocks.py)."""

    def __init__(self, seed: str, blocks: Sequence[Callable[["World"], str]]):
        dice = Dice(seed)
        self.index = facts.by_type(facts.FACTS)
        self.index_alone = facts.by_type([fact for fact in facts.FACTS if fact.alone])
        self.types, self.alone = Deck(dice, sorted(self.index)), Deck(dice, sorted(self.index_alone))
        self.blocks = Deck(dice, blocks)
        self.forms: Dict[str, Deck[str]] = {}
        self._seed = seed

    def form(self, genre: str, forms: Sequence[str]) -> str:
        if genre not in self.forms:
            self.forms[genre] = Deck(Dice(f"{self._seed} {genre}"), forms)
        return self.forms[genre].deal()


class World:
    def __init__(self, dice: Dice, decks: Decks):
        self.d, self._decks = dice, decks
        self.region = dice.pick(ids.REGIONS)
        self.accounts = [ids.make(dice, "AWS_ACCOUNT") for _ in range(dice.between(1, 2))]

    def account(self) -> str:
        return value("AWS_ACCOUNT", self.d.pick(self.accounts))

    def v(self, kind: str) -> str:
        return self.account() if kind == "AWS_ACCOUNT" else value(kind, ids.make(self.d, kind))

    def fill(self, template: str) -> str:
        """`{TYPE}` becomes a value, `{word}` something of this world."""
        return PLACE.sub(lambda m: self._place(m.group(1)), template)

    def _place(self, name: str) -> str:
        if name in ids.FORMATS:
            return self.v(name)
        return {"region": lambda: self.region, "digit": lambda: str(self.d.between(1, 4)), "short": self._short,
                "mask": lambda: str(self.d.between(16, 28)), "path": self.path, "version": self.version,
                "uuid": lambda: neutral(ids.uuid(self.d)),
                "user": lambda: self.d.pick(["app", "svc", "reader", "admin"])}[name]()

    def _short(self) -> str:
        part = self.region.split("-")
        return "".join([part[0], part[1][0], part[2]])[:4] if len(part) == 3 else "usw2"

    def path(self) -> str:
        d = self.d
        return d.pick(["exports/{}.csv", "logs/{}/part-00{}.gz", "a/{}.json", "{}/index.parquet"]).format(
            self.date(), d.between(10, 99))

    def version(self) -> str:
        d = self.d
        return f"v{d.between(0, 9)}.{d.between(0, 40)}.{d.between(0, 20)}"

    def date(self) -> str:
        return f"20{self.d.between(24, 29)}-{self.d.between(1, 12):02}-{self.d.between(1, 28):02}"

    def time(self) -> str:
        d = self.d
        return f"{d.between(0, 23):02}:{d.between(0, 59):02}:{d.between(0, 59):02}"

    def stamp(self) -> str:
        return f"{self.date()}T{self.time()}Z"

    def say(self, fact: facts.Fact) -> Said:
        return Said(fact.service, self.d.pick(fact.keys), self.fill(fact.template), fact.template,
                    fact.alone)

    def again(self, said: Said) -> str:
        """Another value of the same kind."""
        return self.fill(said.template)

    def said(self, low: int, high: int = 0, alone: bool = False) -> List[Said]:
        """So many facts, each with a key of its own; `alone`: such as need no key."""
        found: Dict[str, Said] = {}
        deck = self._decks.alone if alone else self._decks.types
        index = self._decks.index_alone if alone else self._decks.index
        for _ in range(self.d.between(low, high or low)):
            one = self.say(self.d.pick(index[deck.deal()]))
            found.setdefault(one.key, one)
        return list(found.values())

    def one(self, alone: bool = False) -> Said:
        return self.said(1, alone=alone)[0]

    def block(self) -> str:
        return self._decks.blocks.deal()(self)

    def form(self, genre: str, forms: Sequence[str]) -> str:
        """One of a genre's templates (genres_forms.py)."""
        return self._decks.form(genre, forms)

    def word(self) -> str:
        return self.d.pick(ids.WORDS)

    def request_id(self) -> str:
        return neutral(ids.uuid(self.d))

    def sha(self, n: int = 40) -> str:
        return keep(self.d.chars(ids.HEX, n))

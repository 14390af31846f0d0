"""A host's database as the independent model of its merges and undos knows it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Unique:
    columns: tuple
    where: tuple | None = None
    """(column, text): only rows in which the column has this text."""
    kind: str = "constraint"
    """`primary`, `constraint`, `index` or `program`: the last is known to the host's program only."""


@dataclass(frozen=True)
class Foreign:
    columns: tuple
    table: str
    to: tuple
    on_delete: str = "NO ACTION"


@dataclass(frozen=True)
class Table:
    name: str
    columns: dict
    """`integer`, `text`, `number` or `date`, by name."""
    required: frozenset = frozenset()
    """Columns that are never NULL."""
    uniques: tuple = ()
    """The primary key first."""
    foreign: tuple = ()


@dataclass(frozen=True)
class Reference:
    """Columns of a table that hold a customer's key, with one answer in the mapping."""

    table: str
    columns: tuple
    policy: str = "move"
    unique: tuple = ()
    winner: str = "survivor"
    add: tuple = ()
    latest: tuple = ()
    earliest: tuple = ()
    where: tuple | None = None
    key: str | None = None
    form: str = "{key}"
    set: dict = field(default_factory=dict)
    itself: str = "refuse"
    is_mapped: bool = True
    """Whether the mapping has an entry; a foreign key needs none."""

    @property
    def is_followed(self):
        return self.policy != "leave"


@dataclass(frozen=True)
class Child:
    """What the mapping says of a foreign key to a table whose rows may be dropped."""

    table: str
    columns: tuple
    policy: str = "move"
    winner: str = "survivor"


@dataclass(frozen=True)
class Host:
    """A schema and its mapping."""

    tables: dict
    client: str
    key: str
    number: str
    keys: tuple
    city: str
    """The column of the only detail."""
    domain: str
    """The table of domains, with the column that says whose they are."""
    domain_client: str
    references: tuple
    children: tuple = ()
    retire: dict = field(default_factory=dict)
    touch: tuple | None = None
    """(column, number): what every changed row gets."""

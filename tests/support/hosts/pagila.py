"""Pagila: a video shop with payments in partitions, composite keys, and triggers that write in every changed row.

Source of the tables: devrimgunduz/pagila, pagila-schema.sql (names, types, keys, triggers; the foreign keys of
payments are the partitions', as there, and the last partition has none). On SQLite payment is one table. Left out:
most of film and staff, and the constraint from store to staff, which makes a circle. `wishlist` isn't Pagila's: a key
with the customer in it. The rows are ours.
"""

from pathlib import Path

from support.hosts.expected import WAS_SET, added, boolean, like, only, repoint, said, take, touch, where
from support.hosts.host import POSTGRESQL, Host, Merge

MAPPING = Path(__file__).with_suffix(".toml")
THEN = "2022-01-01 10:00:00+00"
UPDATED = (
    "country",
    "city",
    "address",
    "store",
    "staff",
    "customer",
    "actor",
    "film",
    "film_actor",
    "inventory",
    "rental",
)
"""Tables whose trigger writes `last_update`."""
PARTITIONS = {"payment_p2022_01": ("01", "02"), "payment_p2022_02": ("02", "03"), "payment_p2022_03": ("03", "04")}
WITHOUT_KEYS = "payment_p2022_03"
DETAILS = {"street": "address", "postcode": "postal_code", "phone": "phone"}


def tables(kind):
    is_postgresql = kind == POSTGRESQL
    time = "timestamp with time zone" if is_postgresql else "timestamp"
    boolean = "boolean" if is_postgresql else "integer"
    uuid = "uuid uuid NOT NULL" if is_postgresql else "uuid text NOT NULL"
    last = f"last_update {time} NOT NULL DEFAULT {'now()' if is_postgresql else 'CURRENT_TIMESTAMP'}"
    restrict = "ON UPDATE CASCADE ON DELETE RESTRICT"
    address = f"address_id integer NOT NULL REFERENCES address (address_id) {restrict}"
    store = f"store_id integer NOT NULL REFERENCES store (store_id) {restrict}"
    return [
        f"CREATE TABLE country (country_id integer PRIMARY KEY NOT NULL, country text NOT NULL, {last})",
        (
            "CREATE TABLE city (city_id integer PRIMARY KEY NOT NULL, city text NOT NULL, "
            f"country_id integer NOT NULL REFERENCES country (country_id) {restrict}, {last})"
        ),
        (
            "CREATE TABLE address (address_id integer PRIMARY KEY NOT NULL, address text NOT NULL, address2 text, "
            f"district text NOT NULL, city_id integer NOT NULL REFERENCES city (city_id) {restrict}, "
            "postal_code text, "
            f"phone text NOT NULL, {last})"
        ),
        (
            "CREATE TABLE store (store_id integer PRIMARY KEY NOT NULL, manager_staff_id integer NOT NULL, "
            f"{address}, {last})"
        ),
        "CREATE UNIQUE INDEX idx_unq_manager_staff_id ON store (manager_staff_id)",
        (
            "CREATE TABLE staff (staff_id integer PRIMARY KEY NOT NULL, first_name text NOT NULL, "
            "last_name text NOT NULL, "
            f"{address}, email text, {store}, active {boolean} NOT NULL, username text NOT NULL, "
            f"password text, {last})"
        ),
        (
            "CREATE TABLE customer (customer_id integer PRIMARY KEY NOT NULL, "
            f"{store}, first_name text NOT NULL, last_name text NOT NULL, email text, {address}, "
            f"activebool {boolean} NOT NULL, create_date date NOT NULL, last_update {time}, active integer, {uuid})"
        ),
        "CREATE UNIQUE INDEX customer_uuid_key ON customer (uuid)",
        "CREATE INDEX idx_fk_address_id ON customer (address_id)",
        (
            "CREATE TABLE actor (actor_id integer PRIMARY KEY NOT NULL, first_name text NOT NULL, "
            f"last_name text NOT NULL, {last})"
        ),
        (
            "CREATE TABLE film (film_id integer PRIMARY KEY NOT NULL, title text NOT NULL, length smallint, "
            f"rental_rate numeric(4,2) NOT NULL, {last})"
        ),
        (
            f"CREATE TABLE film_actor (actor_id integer NOT NULL REFERENCES actor (actor_id) {restrict}, "
            f"film_id integer NOT NULL REFERENCES film (film_id) {restrict}, {last}, PRIMARY KEY (actor_id, film_id))"
        ),
        (
            "CREATE TABLE inventory (inventory_id integer PRIMARY KEY NOT NULL, "
            f"film_id integer NOT NULL REFERENCES film (film_id) {restrict}, {store}, {last})"
        ),
        (
            f"CREATE TABLE rental (rental_id integer PRIMARY KEY NOT NULL, rental_date {time} NOT NULL, "
            f"inventory_id integer NOT NULL REFERENCES inventory (inventory_id) {restrict}, "
            f"customer_id integer NOT NULL REFERENCES customer (customer_id) {restrict}, return_date {time}, "
            f"staff_id integer NOT NULL REFERENCES staff (staff_id) {restrict}, {last}, {uuid})"
        ),
        (
            "CREATE UNIQUE INDEX idx_unq_rental_rental_date_inventory_id_customer_id "
            "ON rental (rental_date, inventory_id, customer_id)"
        ),
        "CREATE UNIQUE INDEX rental_uuid_key ON rental (uuid)",
        (
            "CREATE TABLE wishlist (film_id integer NOT NULL REFERENCES film (film_id), "
            "customer_id integer NOT NULL REFERENCES customer (customer_id), since date NOT NULL, looked_at date, "
            "wished smallint NOT NULL, "
            "PRIMARY KEY (customer_id, film_id))"
        ),
        *_payments(is_postgresql=is_postgresql, time=time, uuid=uuid),
        *(_postgresql_triggers() if is_postgresql else _sqlite_triggers()),
    ]


def _payments(*, is_postgresql, time, uuid):
    keys = {"customer_id": "customer", "staff_id": "staff", "rental_id": "rental"}
    columns = "payment_id integer NOT NULL, " + "".join(
        f"{column} integer NOT NULL{'' if is_postgresql else f' REFERENCES {table} ({column})'}, "
        for column, table in keys.items()
    )
    columns += f"amount numeric(5,2) NOT NULL, payment_date {time} NOT NULL, {uuid}"
    partitioned = " PARTITION BY RANGE (payment_date)" if is_postgresql else ""
    made = [
        f"CREATE TABLE payment ({columns}, PRIMARY KEY (payment_date, payment_id)){partitioned}",
        "CREATE UNIQUE INDEX payment_uuid_key ON payment (uuid, payment_date)",
    ]
    if not is_postgresql:
        return made
    for name, (first, last) in PARTITIONS.items():
        made.append(
            f"CREATE TABLE {name} PARTITION OF payment "
            f"FOR VALUES FROM ('2022-{first}-01 00:00:00+00') TO ('2022-{last}-01 00:00:00+00')"
        )
        if name != WITHOUT_KEYS:
            made += [
                f"ALTER TABLE ONLY {name} ADD CONSTRAINT {name}_{column}_fkey FOREIGN KEY ({column}) "
                f"REFERENCES {table} ({column})"
                for column, table in keys.items()
            ]
        made.append(f"CREATE INDEX idx_fk_{name}_customer_id ON {name} (customer_id)")
    return made


def _postgresql_triggers():
    return [
        (
            "CREATE FUNCTION last_updated() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "NEW.last_update = CURRENT_TIMESTAMP; RETURN NEW; END $$"
        ),
        *(
            f"CREATE TRIGGER last_updated BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION last_updated()"
            for table in UPDATED
        ),
    ]


def _sqlite_triggers():
    return [
        f"CREATE TRIGGER {table}_last_updated AFTER UPDATE ON {table} BEGIN UPDATE {table} "
        "SET last_update = strftime('%Y-%m-%d %H:%M:%S', 'now') WHERE rowid = NEW.rowid; END"
        for table in UPDATED
    ]


def uuid_of(number):
    return f"0196f0a{number % 10}-abcd-7000-8000-{number:012}"


MARY = {"first_name": "Mary", "last_name": "Smith", "store_id": 1}
# Key: what is different from Mary, and the address. Two share one address, two have their own of the same text.
CUSTOMERS = {
    1: ({}, 1),
    2: ({}, 2),
    3: ({}, 3),
    4: ({"last_name": "Smyth"}, 2),
    5: ({}, 1),
    6: ({"store_id": 2}, 2),
    7: ({}, 2),
    8: ({"activebool": False}, 2),
    **{number: ({"first_name": "Patricia", "email": None}, 2) for number in range(101, 107)},
}


def rows():
    last = {"last_update": THEN}
    home = {
        "address": "28 MySQL Boulevard",
        "district": "QLD",
        "city_id": 1,
        "postal_code": "4000",
        "phone": "6172235",
    }
    films = (1, 2, 101)
    return {
        "country": [{"country_id": 1, "country": "Australia", **last}],
        "city": [
            {"city_id": number, "city": city, "country_id": 1, **last}
            for number, city in ((1, "Woodridge"), (2, "Perth"))
        ],
        "address": [
            {"address_id": 1, **home, **last},
            {"address_id": 2, **home, **last},
            {"address_id": 3, **home, "address": "23 Workhaven Lane", "city_id": 2, "phone": "14033335", **last},
        ],
        "store": [{"store_id": n, "manager_staff_id": n, "address_id": n, **last} for n in (1, 2)],
        "staff": [
            {
                "staff_id": n,
                "first_name": "Mike",
                "last_name": "Hillyer",
                "address_id": 3,
                "store_id": n,
                "active": True,
                "username": "Mike",
                **last,
            }
            for n in (1, 2)
        ],
        "customer": [
            {
                "customer_id": number,
                **MARY,
                "email": "mary@x.example",
                "address_id": address,
                "activebool": True,
                "create_date": "2022-01-01",
                **last,
                "active": 1,
                "uuid": uuid_of(number),
                **changes,
            }
            for number, (changes, address) in CUSTOMERS.items()
        ],
        "actor": [{"actor_id": n, "first_name": "Penelope", "last_name": "Guiness", **last} for n in (1, 2)],
        "film": [{"film_id": n, "title": f"Film {n}", "length": 90, "rental_rate": "0.99", **last} for n in films],
        "film_actor": [{"actor_id": actor, "film_id": film, **last} for actor in (1, 2) for film in films],
        "inventory": [{"inventory_id": n, "film_id": n, "store_id": 1, **last} for n in films],
        **_rentals(),
        "wishlist": [
            {"film_id": film, "customer_id": number, "since": f"2022-01-{place + 1:02}"}
            | {"looked_at": f"2022-02-{film % 7 * place % 27 + 1:02}" if place % 3 else None, "wished": place}
            for place, number in enumerate(CUSTOMERS)
            for film in films
            if (place + film) % 2
        ],
    }


def _rentals():
    """Films that all customers took at the same moment, and others; two payments for each."""
    rentals, payments = [], []
    for number in CUSTOMERS:
        for copy, day in ((1, 1), (2, number % 28 + 1), (101, 2)):
            rentals.append(
                {
                    "rental_id": len(rentals) + 1,
                    "rental_date": f"2022-01-{day:02} 12:00:00+00",
                    "inventory_id": copy,
                    "customer_id": number,
                    "return_date": None if number == 7 else "2022-02-01 12:00:00+00",
                    "staff_id": 1,
                    "last_update": THEN,
                    "uuid": uuid_of(1000 + len(rentals)),
                }
            )
            for month in (1, 2, 3)[copy % 2 :]:
                payments.append(
                    {
                        "payment_id": len(payments) // 2 + 1,
                        "customer_id": number,
                        "staff_id": 1,
                        "rental_id": len(rentals),
                        "amount": f"{len(payments)}.99",
                        "payment_date": f"2022-{month:02}-15 12:00:{len(payments) % 2:02}+00",
                        "uuid": uuid_of(2000 + len(payments)),
                    }
                )
    return {"rental": rentals, "payment": payments}


def merge(rows, merge):
    """Do what the shop's owner wants of a merge; the triggers write `last_update` in what is changed."""
    survivor, absorbed = (only(rows["customer"], uuid=number) for number in (merge.survivor, merge.absorbed))
    old, new = absorbed["customer_id"], survivor["customer_id"]
    changed = []
    own, other = (only(rows["address"], address_id=customer["address_id"]) for customer in (survivor, absorbed))
    details = [field for field in merge.taken if field in DETAILS]
    if details:
        take(own, other, DETAILS, details)
        changed.append(own)
    if "email" in merge.taken:
        take(survivor, absorbed, {"email": "email"}, ["email"])
        changed.append(survivor)
    changed += _move_rentals(rows, old, new)
    repoint(rows["payment"], "customer_id", old, new)
    _move_wishes(rows, old, new)
    absorbed.update(
        activebool=boolean(absorbed["activebool"], value=False),
        active=like(absorbed["active"], 0),
    )
    touch([*changed, absorbed], last_update=WAS_SET)


def _move_rentals(rows, old, new):
    """Rentals, but one of two that are the same: its payments are then for the other."""
    changed = []
    for rental in where(rows["rental"], customer_id=old):
        same = {"rental_date": rental["rental_date"], "inventory_id": rental["inventory_id"]}
        if kept := where(rows["rental"], customer_id=new, **same):
            repoint(rows["payment"], "rental_id", rental["rental_id"], kept[0]["rental_id"])
            rows["rental"].remove(rental)
        else:
            changed += repoint([rental], "customer_id", old, new)
    return changed


def _move_wishes(rows, old, new):
    """The absorbed number's wishes with what the survivor's for the same films say, and the survivor's others."""
    moved = where(rows["wishlist"], customer_id=old)
    by_film = {said(wish["film_id"]): wish for wish in moved}
    for wish in where(rows["wishlist"], customer_id=new):
        if stays := by_film.get(said(wish["film_id"])):
            stays["wished"] = added(stays["wished"], wish["wished"])
            stays["since"] = min(stays["since"], wish["since"])
            stays["looked_at"] = max(filter(None, (stays["looked_at"], wish["looked_at"])), default=None)
            rows["wishlist"].remove(wish)
    repoint(moved, "customer_id", old, new)


def _pair(survivor, absorbed, *how):
    return Merge(uuid_of(survivor), uuid_of(absorbed), *how)


HOST = Host(
    name="pagila",
    mapping=MAPPING.read_text("utf-8"),
    tables=tables,
    rows=rows,
    merge=merge,
    pairs={
        "equal, with an address each": _pair(1, 2),
        "equal, with one address for both": _pair(1, 5),
        "other details": _pair(1, 3, "adopt", ("phone", "street")),
        "the other way round": _pair(3, 1, "keep"),
    },
    chain=(
        _pair(101, 102),
        _pair(103, 104),
        _pair(101, 103),
        _pair(1, 3, "adopt", ("phone",)),
        _pair(105, 101),
        _pair(2, 1, "keep"),
        _pair(106, 105),
    ),
    refused={
        "another identity": (_pair(1, 4), "blocked", 3),
        "another shop": (_pair(1, 6), "blocked", 3),
        "a film that is out": (_pair(1, 7), "blocked", 3),
        "no choice": (_pair(1, 3), "differs", 1),
        "not active": (_pair(1, 8), "not_found", 5),
        "in capitals": (Merge(uuid_of(1), uuid_of(2).upper()), "not_found", 5),
        "a key": (Merge(uuid_of(1), "2"), "not_found", 5),
    },
    theirs={table: frozenset({"last_update"}) for table in UPDATED},
)

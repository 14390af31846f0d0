"""Whatever may happen to a register, in any order, done for real and in a model beside it."""

import csv
import io
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from custmerge.errors import CustmergeError
from custmerge.rules.audit import CheckName
from custmerge.rules.fields import DETAIL_FIELDS, Field
from custmerge.rules.history import stamp
from custmerge.rules.people import PROOF_LASTS, Proof, verified_sha256
from custmerge.rules.plan import Choice, Wishes
from custmerge.rules.transfers import OPEN, Status
from custmerge.services import access, imports, transfer
from custmerge.services import audit as audit_service
from custmerge.services import merge as merge_service
from custmerge.services import purge as purge_service
from custmerge.services import undo as undo_service
from custmerge.services.imports.customers import Customers
from custmerge.services.imports.packages import Packages
from custmerge.services.people import passwords, sessions, staff
from custmerge.storage.database import Database
from support.databases import execute
from support.undo_model import DETAILS, IDENTITY, TRIES, Model, Refused

FORM = b"%PDF-1.7 signed"
MINUTES_AT_MOST = 600
"""So long the staff's logins last whatever happens."""
WANTED = audit_service.Wanted(frozenset(CheckName), None, since_checkpoint=False, retention_days=36_500)
HASHES = cache(passwords.hashed)

numbers = st.sampled_from(["1", "2", "3", "4"])
keys = st.sampled_from(["P", "Q", "R"])
texts = st.sampled_from(["", "a", "b"])
names = st.sampled_from(["x", "x", "x", "y"])
people = st.sampled_from(["ben", "anna"])
domain_sets = st.frozensets(st.sampled_from(["p.example", "q.example", "r.example"]), max_size=2)
PASSWORD = "hefezopf"
passwords_tried = st.sampled_from([PASSWORD, PASSWORD, "quarktasche"])
contacts = st.none() | st.tuples(texts, texts)


class Quiet:
    """Watches an import and says nothing."""

    def problem(self, file, line, problem):
        pass

    def advanced(self, done, total):
        pass


class Life(RuleBasedStateMachine):
    """Customers 1 to 4 and packages P to R; each step is a minute later than the one before."""

    def __init__(self, url, folder):
        super().__init__()
        self.database = Database(url)
        self.folder = folder
        self.model = Model()
        self.minute = 0
        # Not before: what is done counts from the clock where that is further.
        self.began = datetime.now(UTC).replace(microsecond=0)
        self.renewed = 0
        self.callers = {
            name: access.resume(self.database, f"token-of-{name}", self.began) for name in ("anna", "ben", "ada")
        }

    def teardown(self):
        self.database.close()

    @property
    def now(self):
        return self.began + timedelta(minutes=self.minute)

    @property
    def living(self):
        return sorted(self.model.customers.keys() - self.model.merged_into.keys())

    def keep_logged_in(self):
        """Let the people log in again before their sessions end."""
        if self.minute - self.renewed > 60:
            self.renewed, now = self.minute, stamp(self.now)
            times = f"created_at = '{now}', last_used_at = '{now}'"
            execute(self.database.url, f"UPDATE custmerge_session SET {times} WHERE staff IS NOT NULL")

    def both(self, modelled, real):
        """Do a thing in the model and for real, and return what they return where neither refuses."""
        self.minute += 1
        self.keep_logged_in()
        expected = refusal = None
        try:
            expected = modelled()
        except Refused as error:
            refusal = str(error)
        try:
            done = real()
        except CustmergeError as error:
            found = type(error).__name__.removesuffix("ByOrders")
            note(f"refused: {found}")
            assert found == refusal
            return None, None
        assert refusal is None
        return expected, done

    @initialize(
        records=st.lists(st.tuples(names, texts, texts), min_size=3, max_size=3),
        contact=contacts,
        choice=st.sampled_from(["adopt", "keep"]),
        take=st.frozensets(st.sampled_from(DETAILS)),
    )
    def begin(self, records, contact, choice, take):
        """Begin with customers that have everything, and an order, so that there is something to undo."""
        for place, (name, street, city) in enumerate(records, 1):
            self.edit_customer(str(place), {"last_name": name, "street": street, "city": city})
        for place, key in enumerate("PQR", 1):
            self.edit_package(key, str(place), frozenset({f"{key.lower()}.example"}), contact)
            self.set_a_password(str(place), PASSWORD)
        self.prove("1", "2", "ben", 0)
        self.merge("1", "2", choice, take, fill=False, by="ben")

    def imported(self, kind, rows):
        path = self.folder / "rows.csv"
        with io.StringIO(newline="") as text:
            writer = csv.DictWriter(text, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
            path.write_text(text.getvalue(), encoding="utf-8")
        return imports.import_file(
            self.database, self.callers["anna"], str(path), kind, update=True, progress=Quiet(), now=self.now
        )

    @rule(
        number=numbers,
        changes=st.fixed_dictionaries({}, optional={"last_name": names, "street": texts, "city": texts}),
    )
    def edit_customer(self, number, changes):
        row = {"number": number, **changes}
        self.both(lambda: self.model.edit_customer(number, changes), lambda: self.imported(Customers, [row]))

    @rule(key=keys, number=numbers, domains=domain_sets, contact=contacts)
    def edit_package(self, key, number, domains, contact):
        row = {"package": key, "number": number, "domains": " ".join(sorted(domains))}
        row |= dict.fromkeys((f"contact_{name}" for name in DETAIL_FIELDS), "")
        if contact:
            row |= {f"contact_{name}": value for name, value in zip(DETAILS, contact, strict=True)}
        self.both(
            lambda: self.model.edit_package(key, number, domains, contact), lambda: self.imported(Packages, [row])
        )

    @rule(survivor=numbers, absorbed=numbers, by=people, place=st.integers(0, 3))
    def prove(self, survivor, absorbed, by, place):
        """Keep a proof as `verify` does, where there is a domain with a password; hashing would take too long."""
        domains, password = self.model.domains_of(absorbed), self.model.passwords.get(absorbed)
        if not domains or password is None:
            return
        domain, until = domains[place % len(domains)], stamp(self.now + PROOF_LASTS)
        proof = Proof(survivor, absorbed, domain, verified_sha256(HASHES(password)), until)
        token = self.callers[by].token_sha256
        for attempt in self.database.attempts():
            with attempt as unit:
                unit.people.keep_proof(token, proof)
        self.model.prove(survivor, absorbed, domain, by, self.minute)

    @rule(
        survivor=numbers,
        absorbed=numbers,
        choice=st.sampled_from(["adopt", "keep", "keep", None]),
        take=st.frozensets(st.sampled_from(DETAILS)),
        fill=st.booleans(),
        by=people,
    )
    def merge(self, survivor, absorbed, choice, take, fill, by):
        """Merge with whatever was proved before and still holds."""
        caller = self.callers[by]
        wishes = Wishes(choice and Choice(choice), tuple(Field(name) for name in DETAILS if name in take), fill)
        minute = self.minute + 1
        salt = minute.to_bytes(16)
        expected, receipt = self.both(
            lambda: self.model.merge(survivor, absorbed, choice, take, fill=fill, by=by, minute=minute),
            lambda: merge_service.merge(
                self.database, caller, merge_service.Request(absorbed, survivor, wishes), salt=salt, now=self.now
            ),
        )
        if receipt is not None:
            order = self.model.orders[-1]
            assert (receipt.order, receipt.choice, receipt.taken) == (expected, order.choice, order.taken)
            assert receipt.packages == tuple(sorted(order.before["packages"]))

    @rule(data=st.data(), choice=st.sampled_from(["adopt", "keep", "keep"]), fill=st.booleans(), by=people)
    @precondition(lambda self: len(self.living) > 1)
    def merge_two_that_can_be(self, data, choice, fill, by):
        """What by chance alone happens too seldom."""
        survivor, absorbed = data.draw(st.permutations(self.living))[:2]
        take = data.draw(st.frozensets(st.sampled_from(DETAILS)))
        self.prove(survivor, absorbed, by, 0)
        self.merge(survivor, absorbed, choice, take, fill=fill, by=by)

    @rule(back=st.integers(0, 3), by=people)
    @precondition(lambda self: self.model.orders)
    def undo(self, back, by):
        order = max(1, len(self.model.orders) - back)
        self.both(
            lambda: self.model.undo(order, by=by, is_supervisor=by == "anna", minute=self.minute),
            lambda: undo_service.undo(
                self.database, self.callers[by], undo_service.Request(frozenset({order})), self.now
            ),
        )

    @rule(back=st.integers(0, 5))
    @precondition(lambda self: self.model.orders)
    def undo_with_later_ones(self, back):
        order = max(1, len(self.model.orders) - back)
        self.minute += 1
        request = undo_service.Request(frozenset({order}), cascade=True)
        try:
            plans = undo_service.undo(self.database, self.callers["anna"], request, self.now)
        except CustmergeError as error:
            note(f"refused: {type(error).__name__}")
            with pytest.raises(Refused):
                self.model.undo(order, by="anna", is_supervisor=True, minute=self.minute)
            return
        undone = [plan.order for plan in plans]
        assert order in undone
        assert undone == sorted(undone, reverse=True)
        for one in undone:
            self.model.undo(one, by="anna", is_supervisor=True, minute=self.minute)

    @rule(survivor=numbers, absorbed=numbers)
    def file_a_transfer(self, survivor, absorbed):
        filing = transfer.Filing(absorbed, survivor, "form.pdf", FORM)
        salt = (self.minute + 1).to_bytes(16)
        self.both(
            lambda: self.model.file(survivor, absorbed),
            lambda: transfer.file(self.database, self.callers["ben"], filing, salt=salt, now=self.now),
        )

    @rule(number=st.integers(1, 4), to=st.sampled_from(["approved", "approved", "rejected"]))
    @precondition(lambda self: self.model.transfers)
    def decide_a_transfer(self, number, to):
        self.both(
            lambda: self.model.decide(number, to),
            lambda: transfer.decide(
                self.database, self.callers["anna"], number, Status(to), reason="so", now=self.now
            ),
        )

    @rule(data=st.data())
    @precondition(lambda self: len(self.living) > 1)
    def lift_a_block(self, data):
        """File, approve and use a transfer."""
        survivor, absorbed = data.draw(st.permutations(self.living))[:2]
        self.file_a_transfer(survivor, absorbed)
        if self.model.transfers:
            self.decide_a_transfer(len(self.model.transfers), "approved")
        self.merge(survivor, absorbed, "keep", frozenset(), fill=False, by="ben")

    @rule(age=st.integers(3, 20))
    @precondition(lambda self: any(not order.purged for order in self.model.orders))
    def purge(self, age):
        minute = self.minute + 1 - age
        seen = purge_service.Purged(stamp(self.began + timedelta(minutes=minute)), 0, 0, 0, 0, dry_run=False)
        expected, done = self.both(
            lambda: self.model.purge(minute),
            lambda: purge_service.purge(self.database, self.callers["anna"], seen, self.now),
        )
        assert done.orders == expected

    @rule(number=numbers, password=passwords_tried)
    def set_a_password(self, number, password):
        row = {"number": number, "password_hash": HASHES(password)}
        self.both(lambda: self.model.set_password(number, password), lambda: self.imported(Customers, [row]))

    @rule(number=numbers, password=passwords_tried)
    def log_in(self, number, password):
        token = f"token-{len(self.model.logins)}"
        expected, caller = self.both(
            lambda: self.model.log_in(number, password, self.minute),
            lambda: sessions.login_customer(self.database, number, password, token=token, now=self.now),
        )
        if caller is not None:
            assert caller.name == expected

    @rule(number=numbers)
    def guess_until_it_is_locked(self, number):
        for _ in range(TRIES):
            self.log_in(number, "krapfen")

    @rule(number=numbers)
    def unlock(self, number):
        expected, was_locked = self.both(
            lambda: self.model.unlock(number, self.minute),
            lambda: staff.unlock(self.database, self.callers["anna"], number, self.now),
        )
        assert was_locked == expected

    @rule(data=st.data())
    @precondition(lambda self: self.model.logins)
    def use_a_login(self, data):
        place = data.draw(st.integers(0, len(self.model.logins) - 1))
        expected, caller = self.both(
            lambda: self.model.use(place, self.minute),
            lambda: access.resume(self.database, f"token-{place}", self.now),
        )
        if caller is not None:
            assert caller.name == expected

    @rule(data=st.data(), minutes=st.sampled_from([0, 14, 29]))
    @precondition(lambda self: self.model.passwords)
    def live_through_a_login(self, data, minutes):
        """Log in with the right password and use it, which by chance alone happens too seldom."""
        number = data.draw(st.sampled_from(sorted(self.model.passwords)))
        self.log_in(number, self.model.passwords[number])
        if self.model.logins:
            self.use_a_login(data)
            self.minute += minutes
            self.use_a_login(data)

    @rule(data=st.data(), everywhere=st.booleans())
    @precondition(lambda self: self.model.logins)
    def log_out(self, data, everywhere):
        place = data.draw(st.integers(0, len(self.model.logins) - 1))
        one = self.model.logins[place]
        sessions.logout(self.database, f"token-{place}", everywhere=everywhere)
        if everywhere and not one.ended:
            self.model.end_logins(one.number)
        one.ended = True

    @rule(minutes=st.sampled_from([14, 29]))
    @precondition(lambda self: self.minute < MINUTES_AT_MOST)
    def wait(self, minutes):
        self.minute += minutes

    @invariant()
    def the_register_is_the_models(self):
        model = self.model
        with self.database.reading() as unit:
            records = {record.number: record for record, _ in unit.register.all_customers()}
            stored = [package for package, _ in unit.register.all_packages()]
        found = {
            number: ({name: record[Field(name)] for name in (*IDENTITY, *DETAILS)}, record.merged_into)
            for number, record in records.items()
        }
        assert found == {
            number: (values, model.merged_into.get(number)) for number, values in model.customers.items()
        }
        packages = {
            package.package: (package.number, package.domains, package.contact and street_and_city(package.contact))
            for package in stored
        }
        assert packages == {
            key: (one.number, tuple(sorted(one.domains)), one.contact) for key, one in model.packages.items()
        }

    @invariant()
    def the_transfers_are_the_models(self):
        found = transfer.list_all(self.database, self.callers["anna"], None)
        by_age = sorted(found, key=lambda one: one.id)
        assert [one.status for one in by_age] == [self.model.status(one) for one in self.model.transfers]
        is_open = [one.status in OPEN for one in found]
        assert is_open == sorted(is_open, reverse=True)

    @invariant()
    def the_audit_holds(self):
        audit = audit_service.audit(self.database, self.callers["ada"], WANTED, self.now)
        model = self.model
        warnings = (model.refused_logins >= audit_service.FAILED_LOGINS) + (model.locks > 0)
        assert [found.check for found in audit.findings] == [CheckName.LOGINS] * warnings
        assert audit.head.order == len(self.model.orders)


def street_and_city(contact):
    values = dict(zip(DETAIL_FIELDS, contact, strict=True))
    return tuple(values[Field(name)] for name in DETAILS)

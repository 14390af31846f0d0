"""An independent model of a bulk run: plain Python, row after row, written from the contract alone."""

from dataclasses import dataclass, field

IDENTITY = ("company", "first_name", "last_name")
DETAILS = ("street", "postcode", "city", "phone", "mobile", "email", "account_number", "bank_code")


@dataclass
class Model:
    """Numbers with their fields, and packages with number and contact; values differ or are the same text."""

    customers: dict
    packages: dict
    merged_into: dict = field(default_factory=dict)
    orders: int = 0
    done: dict = field(default_factory=dict)
    """Absorbed number → (survivor, order)."""

    def end(self, number):
        while number in self.merged_into:
            number = self.merged_into[number]
        return number

    def leads(self, number, target):
        while number in self.merged_into:
            number = self.merged_into[number]
            if number == target:
                return True
        return False

    def run(self, rows):
        return [(position, row["survivor"], row["absorbed"], *self.one(row)) for position, row in enumerate(rows, 1)]

    def one(self, row):  # noqa: C901 (one rule after the other, as the contract has them)
        survivor, absorbed, choice, take = row["survivor"], row["absorbed"], row["choice"], row["take"].split()
        if survivor == absorbed or choice not in ("", "adopt", "keep") or set(take) - set(DETAILS):
            return "refused", 2, None
        if survivor not in self.merged_into and self.leads(absorbed, survivor):
            return "already", 0, self.order_of(survivor, absorbed)
        if {survivor, absorbed} & self.merged_into.keys() or not {survivor, absorbed} <= self.customers.keys():
            return "not_found", 5, None
        mine, theirs = self.customers[survivor], self.customers[absorbed]
        if any(mine[name] != theirs[name] for name in IDENTITY):
            return "blocked", 3, None
        if any(mine[name] != theirs[name] for name in DETAILS):
            if not choice:
                return "differs", 1, None
        else:
            choice = "identical"
        self.orders += 1
        for package in self.packages.values():
            if package["number"] == absorbed:
                package["number"] = survivor
                if choice == "adopt":
                    package["contact"] = None
                elif choice == "keep" and package["contact"] is None:
                    package["contact"] = {name: theirs[name] for name in DETAILS}
        for name in take:
            mine[name] = theirs[name]
        self.customers[absorbed] = dict.fromkeys((*IDENTITY, *DETAILS), "")
        self.merged_into[absorbed] = survivor
        self.done[absorbed] = survivor, self.orders
        return "merged", 0, self.orders

    def order_of(self, survivor, absorbed):
        kept, order = self.done.get(absorbed, (None, None))
        return order if kept == survivor else None

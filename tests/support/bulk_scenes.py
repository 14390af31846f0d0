"""What several files of tests of `bulk` have in common."""

import csv
import io

from hypothesis import strategies as st

from support.bulk_model import DETAILS, IDENTITY, Model
from support.scenes import scene

HEADER = "survivor,absorbed,choice,take\n"
REPORT = ("row", "survivor", "absorbed", "status", "code", "order", "message")


@scene
def bulk(world):
    """10001 with 20002 (another city), 20003 (the same), 20004 (another company)."""
    world.customer("10001", password="pw-1", domains=["eins.example"])
    world.customer("20002", password="pw-2", domains=["zwei.example"], city="Ulm", mobile="0171 1")
    world.customer("20003", password="pw-3", domains=["drei.example"], package_password="paket")
    world.customer("20004", password="pw-4", domains=["vier.example"], company="Anders GmbH")
    return world


def write(world, text, name="pairs.csv", mode=0o600):
    path = world.folder / name
    path.write_text(text)
    path.chmod(mode)
    return name


def approved(world, supervisor, text, name="pairs.csv"):
    name = write(world, text, name)
    assert supervisor.in_process("bulk", "approve", name, "--yes").code == 0
    return name


def report(world, name="report.csv"):
    with (world.folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def lines(world, name="report.csv"):
    """Row, survivor, absorbed, status, code, order of each line."""
    return [tuple(row[column] for column in REPORT[:6]) for row in report(world, name)]


PROOFS = "survivor,absorbed,choice,domain,password\n"


# Against the model


NUMBERS = [str(number) for number in range(100, 112)]


choices = st.sampled_from(["", "adopt", "keep", "adopt", "keep", "foo"])
rows = st.lists(
    st.fixed_dictionaries(
        {
            "survivor": st.sampled_from(NUMBERS),
            "absorbed": st.sampled_from([*NUMBERS, "999"]),
            "choice": choices,
            "take": st.sampled_from(["", "", "city", "city street", "company"]),
        }
    ),
    max_size=25,
)


def load(world, records, contacts):
    columns = ["number", *IDENTITY, *DETAILS]
    with (world.folder / "c.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows({"number": number, **record} for number, record in records.items())
    with (world.folder / "p.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["package", "number", "domains", "contact_city"])
        for number in records:
            writer.writerow([f"P{number}", number, f"d{number}.example", "c" if number in contacts else ""])
            writer.writerow([f"Q{number}", number, "", ""])
    assert world.anna.in_process("import", "customers", "c.csv").code == 0
    assert world.anna.in_process("import", "packages", "p.csv").code == 0


def model_of(records, contacts):
    blank = dict.fromkeys((*IDENTITY, *DETAILS), "")
    own = {**dict.fromkeys(DETAILS, ""), "city": "c"}
    packages = {}
    for number in records:
        packages[f"P{number}"] = {"number": number, "contact": own if number in contacts else None}
        packages[f"Q{number}"] = {"number": number, "contact": None}
    return Model({number: {**blank, **record} for number, record in records.items()}, packages)


def pairs_file(world, given, prefix=""):
    text = io.StringIO()
    writer = csv.DictWriter(text, ["survivor", "absorbed", "choice", "take"])
    writer.writeheader()
    writer.writerows(given)
    return write(world, prefix + text.getvalue())


class Quiet:
    """Watches and says nothing."""

    def accepted(self):
        pass

    def outcome(self, outcome):
        pass

    def advanced(self, done, total):
        pass

"""A random host's schema as SQL, and its mapping as TOML."""

import json

TYPES = {"integer": "bigint", "text": "text", "number": "numeric(12, 2)", "date": "date"}


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def statements(host):
    """Yield what makes the tables, parents first."""
    for table in host.tables.values():
        parts = [
            f"{quoted(name)} {TYPES[kind]}{' NOT NULL' if name in table.required else ''}"
            for name, kind in table.columns.items()
        ]
        for unique in table.uniques:
            columns = ", ".join(map(quoted, unique.columns))
            if unique.kind in ("primary", "constraint"):
                parts.append(f"{'PRIMARY KEY' if unique.kind == 'primary' else 'UNIQUE'} ({columns})")
        parts += [
            f"FOREIGN KEY ({', '.join(map(quoted, one.columns))}) REFERENCES {quoted(one.table)} "
            f"({', '.join(map(quoted, one.to))}) ON DELETE {one.on_delete}"
            for one in table.foreign
        ]
        yield f"CREATE TABLE {quoted(table.name)} ({', '.join(parts)})"
        for place, unique in enumerate(table.uniques):
            if unique.kind == "index":
                where = f" WHERE {condition(unique.where)}" if unique.where else ""
                columns = ", ".join(map(quoted, unique.columns))
                index = quoted(f"{table.name} unique {place}")
                yield f"CREATE UNIQUE INDEX {index} ON {quoted(table.name)} ({columns}){where}"


def condition(where):
    return f"{quoted(where[0])} = '{where[1]}'"


def mapping(host):
    """Return the mapping as TOML."""
    lines = ["format = 1", 'name = "random"', "[customer]", f"table = {text(host.client)}", f"key = {text(host.key)}"]
    if host.number != host.key:
        lines.append(f"number = {text(host.number)}")
    if host.keys:
        lines.append(f"keys = {text(list(host.keys))}")
    lines.append('password = "pass"')
    lines.append(f"retire = {inline(host.retire)}")
    if host.touch:
        lines.append(f"touch = {inline(dict([host.touch]))}")
    lines += ["[fields]", f"city = {text(host.city)}"]
    lines += ["[domain]", f"table = {text(host.domain)}", 'name = "name"', f"customer = {text(host.domain_client)}"]
    for one in host.references:
        if one.is_mapped:
            lines += _entry(one)
    for one in host.children:
        columns = [f"{one.table}.{column}" for column in one.columns]
        lines += ["[[reference]]", f"columns = {text(columns)}", f"policy = {text(one.policy)}"]
        if one.policy != "move":
            lines.append(f"winner = {text(one.winner)}")
    return "\n".join(lines) + "\n"


def _entry(one):
    lines = ["[[reference]]", f"columns = {text([f'{one.table}.{column}' for column in one.columns])}"]
    lines.append(f"policy = {text(one.policy)}")
    lists = ((name, getattr(one, name)) for name in ("unique", "add", "latest", "earliest"))
    lines += [f"{name} = {text(list(given))}" for name, given in lists if given]
    if one.policy in ("drop", "add"):
        lines.append(f"winner = {text(one.winner)}")
    if one.where:
        lines.append(f"where = {text(condition(one.where))}")
    if one.key:
        lines.append(f"key = {text(one.key)}")
    if one.form != "{key}":
        lines.append(f"form = {text(one.form)}")
    if one.set:
        lines.append(f"set = {inline(one.set)}")
    if one.itself != "refuse":
        lines.append(f"itself = {text(one.itself)}")
    return lines


def text(value):
    """Return a text or a list of texts as TOML has it."""
    return json.dumps(value, ensure_ascii=False)


def inline(values):
    return "{ " + ", ".join(f"{text(name)} = {text(value)}" for name, value in values.items()) + " }"

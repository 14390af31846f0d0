"""Statements of the audit that the two databases need to have in SQL: JSON in it, and recursion."""

from __future__ import annotations

from custmerge.rules.fields import DETAIL_FIELDS, FIELDS
from custmerge.rules.placed import BETWEEN
from custmerge.storage.tables import CONTACT_COLUMNS

ENTRIES = "SELECT seq, body, hash FROM custmerge_history WHERE seq BETWEEN :first AND :last ORDER BY seq"
# The generated columns of SQLite, which no statement can write, but a program that writes the file can.
COLUMNS_SQLITE = """
SELECT seq FROM custmerge_history WHERE seq BETWEEN :first AND :last AND action IS NOT :but AND (
  survivor IS NOT body ->> 'survivor' OR absorbed IS NOT body ->> 'absorbed' OR action IS NOT body ->> 'action'
  OR at IS NOT body ->> 'at' OR "order" IS NOT body ->> 'order') ORDER BY seq
"""
# What is to have no contact and has none is most; then nothing has to be read out of the image.
_NO_CONTACT = f"coalesce({', '.join(f'p.{column}' for column in CONTACT_COLUMNS)}) IS NULL"


def _ledger(is_found: str, quoted: str, listed: str, domains: str) -> str:
    """Return the statement that reads the ledger, of what the two databases say differently.

    What more than eight orders have put under one number is left to the closer look, so that each package is read
    eight times at most.
    """
    contact = " || ',".join(f'"{name}":\' || {quoted.format(f"p.contact_{name}")}' for name in sorted(DETAIL_FIELDS))
    return f"""
SELECT h.seq, h.body, h.hash, o."order", o.survivor, o.absorbed, o.choice, o.taken, o.at, o."by",
       CASE WHEN h.action = 'merge' THEN {is_found} END, i.salt, i.image,
       CASE WHEN (SELECT 1 FROM custmerge_order x WHERE x.survivor = o.survivor LIMIT 1 OFFSET 8) IS NULL THEN
         (SELECT {listed}(CASE WHEN {_NO_CONTACT} THEN '"contact":null,"domains":'
                               ELSE '"contact":{{{contact} || '}},"domains":' END
                          || {domains} || ',"package":' || {quoted.format("p.package")}, '{BETWEEN}')
          FROM package p WHERE p.number = o.survivor) END
FROM custmerge_history h
LEFT JOIN custmerge_order o ON o."order" = h."order" AND h.action = 'merge'
LEFT JOIN custmerge_before_image i ON i."order" = o."order"
WHERE h.seq BETWEEN :first AND :last ORDER BY h.seq
"""  # noqa: S608 (statements of ours)


# JSON has no blobs, and whoever wrote one into a name is to be found out.
LEDGER_SQLITE = _ledger(
    "h.survivor IS o.survivor AND h.absorbed IS o.absorbed AND h.at IS o.at",
    "CASE typeof({0}) WHEN 'text' THEN json_quote({0}) ELSE 0 END",
    "group_concat",
    """(SELECT json_group_array(CASE typeof(d.name) WHEN 'text' THEN d.name END)
        FROM domain d WHERE d.package = p.package)""",
)
LEDGER_POSTGRESQL = _ledger(
    "true",
    "to_json({0})::text",
    "string_agg",
    """'[' || coalesce((SELECT string_agg(to_json(d.name)::text, ',' ORDER BY d.name)
                        FROM domain d WHERE d.package = p.package), '') || ']'""",
)
_KEPT_SQLITE = " AND ".join(
    f"p.contact_{name} IS coalesce(j.value ->> '$.contact.{name}', "
    f"CASE o.choice WHEN 'keep' THEN i.image ->> '$.absorbed.{name}' END)"
    for name in DETAIL_FIELDS
)
_KEPT_POSTGRESQL = " AND ".join(
    f"p.contact_{name} IS NOT DISTINCT FROM coalesce(j -> 'contact' ->> '{name}', "
    f"CASE o.choice WHEN 'keep' THEN i.image::json -> 'absorbed' ->> '{name}' END)"
    for name in DETAIL_FIELDS
)
_FITS = """
CASE WHEN o.choice = 'adopt' THEN {none}
     WHEN o.choice = 'identical' AND {contact} IS NULL THEN {none}
     ELSE {kept} END"""
# Asked last, of what doesn't fit alone: whoever undoes many orders leaves many that don't.
_STANDS = """
NOT EXISTS (SELECT 1 FROM custmerge_history u WHERE u."order" = {order} AND u.action = 'undo')"""
# The + keeps SQLite from beginning with every number in use, once for each stretch.
MOVED_SQLITE = f"""
SELECT * FROM (
  SELECT o."order" AS "order", j.value ->> 'package' AS package, o.survivor AS survivor, p.number AS number,
         o.choice AS choice,
         {_FITS.format(none=_NO_CONTACT, contact="j.value ->> '$.contact'", kept=_KEPT_SQLITE)} AS fits,
         json_extract(j.value, '$.domains') IS
           (SELECT json_group_array(CASE typeof(name) WHEN 'text' THEN name END)
            FROM (SELECT name FROM domain d WHERE d.package = p.package ORDER BY name))
           AS whole
  FROM custmerge_order o
  JOIN custmerge_before_image i ON i."order" = o."order"
  JOIN customer s ON s.number = o.survivor AND +s.merged_into IS NULL
  JOIN json_each(NULLIF(i.image, ''), '$.packages') j
  LEFT JOIN package p ON p.package = j.value ->> 'package'
  WHERE o."order" {{among}}
) moved
WHERE (number IS NOT survivor OR NOT whole OR NOT fits) AND {_STANDS.format(order='moved."order"')}
ORDER BY 1, 2
"""  # noqa: S608 (names of fields)
MOVED_POSTGRESQL = f"""
SELECT * FROM (
  SELECT o."order", j ->> 'package' AS package, o.survivor, p.number, o.choice,
         {_FITS.format(none=_NO_CONTACT, contact="j ->> 'contact'", kept=_KEPT_POSTGRESQL)} AS fits,
         ARRAY(SELECT json_array_elements_text(j -> 'domains'))
           = ARRAY(SELECT name::text FROM domain d WHERE d.package = p.package ORDER BY name) AS whole
  FROM custmerge_order o
  JOIN custmerge_before_image i ON i."order" = o."order"
  JOIN customer s ON s.number = o.survivor AND s.merged_into IS NULL
  CROSS JOIN LATERAL json_array_elements(NULLIF(i.image, '')::json -> 'packages') j
  LEFT JOIN package p ON p.package = j ->> 'package'
  WHERE o."order" {{among}}
) moved
WHERE (number IS DISTINCT FROM survivor OR NOT whole OR NOT fits) AND {_STANDS.format(order='moved."order"')}
ORDER BY 1, 2
"""  # noqa: S608 (as above)
# A tombstone may have been imported, but what was imported as one can't be in an order. The addition to the action
# keeps SQLite from going through every undo for each of them.
RETIRED_BY_NOBODY = f"""
SELECT c.number, c.merged_into FROM customer c
WHERE c.merged_into IS NOT NULL {{among}} AND (
  EXISTS (SELECT 1 FROM custmerge_order x WHERE x.survivor = c.number)
  OR EXISTS (SELECT 1 FROM custmerge_history u WHERE u.absorbed = c.number AND u.action || '' = 'undo'))
AND NOT EXISTS (
  SELECT 1 FROM custmerge_order x
  WHERE x.absorbed = c.number AND x.survivor = c.merged_into AND {_STANDS.format(order='x."order"')})
ORDER BY 1
"""  # noqa: S608 (as above)
_FILLED = " OR ".join(f"c.{name} <> ''" for name in FIELDS)
_HAS_PACKAGES = "EXISTS (SELECT 1 FROM package p WHERE p.number = c.number)"
# One reading of all tombstones, to know for which of the following it is worth another.
TOMBSTONES = f"""
SELECT count(CASE WHEN t.number IS NULL THEN 1 END), count(t.merged_into),
       count(CASE WHEN {_FILLED} THEN 1 END), count(CASE WHEN {_HAS_PACKAGES} THEN 1 END)
FROM customer c LEFT JOIN customer t ON t.number = c.merged_into
WHERE c.merged_into IS NOT NULL AND (t.number IS NULL OR t.merged_into IS NOT NULL OR {_FILLED} OR {_HAS_PACKAGES})
"""  # noqa: S608 (as above)


def _circles(behind: str) -> str:
    """Return the statement that finds circles; `behind` joins those that lead to `e.number`.

    Only a number that leads to a number that was merged away itself can be part of a circle, or lead into one. Each
    of them is reached once, from the end of its way: walking from each of them takes the square of their number.
    """
    return f"""
WITH RECURSIVE ends (number) AS (
  SELECT c.number FROM customer c JOIN customer t ON t.number = c.merged_into
  LEFT JOIN customer u ON u.number = t.merged_into
  WHERE t.merged_into IS NOT NULL AND u.merged_into IS NULL
  UNION ALL
  SELECT c.number FROM ends e JOIN {behind}
)
SELECT c.number FROM customer c JOIN customer t ON t.number = c.merged_into WHERE t.merged_into IS NOT NULL
EXCEPT SELECT number FROM ends ORDER BY 1
"""  # noqa: S608 (of ours)


CIRCLES_SQLITE = _circles("customer c ON c.merged_into = e.number")
# By the index, one after the other: left to itself the planner reads the whole table at every step.
CIRCLES_POSTGRESQL = _circles("LATERAL (SELECT number FROM customer WHERE merged_into = e.number OFFSET 0) c ON true")
NOWHERE = """
SELECT c.number, c.merged_into FROM customer c LEFT JOIN customer t ON t.number = c.merged_into
WHERE c.merged_into IS NOT NULL AND t.number IS NULL ORDER BY c.number
"""
TWICE = "SELECT ascii_name FROM domain GROUP BY ascii_name HAVING count(*) > 1 ORDER BY ascii_name"
# Two sorted lists laid side by side are quicker than a look-up for each domain.
NOBODYS = """
SELECT package, number FROM package
WHERE number IN (SELECT number FROM package EXCEPT SELECT number FROM customer ORDER BY 1) OR number IS NULL
ORDER BY package
"""
HOMELESS = """
SELECT ascii_name FROM domain
WHERE package IN (SELECT package FROM domain EXCEPT SELECT package FROM package ORDER BY 1) OR package IS NULL
ORDER BY ascii_name
"""

"""Databases that cost tests less: statements are compiled once in a process, and nobody waits for the disk.

SQLAlchemy keeps what it has compiled for as long as an engine is there. The program needs one engine for a command;
a process of tests, and the one from which commands are forked, see many, and a third of what most commands take is
the compiling. That SQLite's file is on the disk at the end of a transaction matters when a machine loses its power,
which happens in no test.
"""

from sqlalchemy.util import LRUCache

from custmerge.storage.dialect import postgresql, sqlite

KEPT_STATEMENTS = 4000
_COMPILED = LRUCache(KEPT_STATEMENTS)
_DIALECTS = {}


def open_quickly():
    """From now on, open databases in this process at less cost."""
    for module in (sqlite, postgresql):
        vars(module)["create_engine"] = _sharing(module.create_engine)
    vars(sqlite)["_connect"] = _not_waiting(sqlite._connect)


def _sharing(create_engine):
    def create(*arguments, **options):
        engine = create_engine(*arguments, **options)
        kept = _DIALECTS.get(engine.name)
        if kept is not None and kept.server_version_info is not None:
            # What is compiled is kept for this one object.
            engine.dialect = kept
        else:
            # Nobody has connected to a server with it, which tells it how to compile.
            _DIALECTS[engine.name] = engine.dialect
        engine._compiled_cache = _COMPILED
        return engine

    return create


def _not_waiting(connect):
    def connected(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    return connected

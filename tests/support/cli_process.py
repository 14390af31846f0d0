"""Runs the command line in a process of its own, quickly: forked from one that has it loaded, see `preloaded`."""

import fcntl
import io
import os
import sys
import termios
import time


def run_command_line(arguments, environ, folder, streams):
    """End this process as `custmerge ARGUMENTS` does; `streams` are the files of stdin, stdout and stderr."""
    os.chdir(folder)
    for descriptor, (path, flags) in enumerate(zip(streams, (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY), strict=True)):
        os.dup2(os.open(path, flags), descriptor)
    sys.stdin, sys.stdout, sys.stderr = (
        io.TextIOWrapper(open(descriptor, mode, closefd=False), encoding="utf-8", write_through=False)  # noqa: SIM115
        for descriptor, mode in ((0, "rb"), (1, "wb"), (2, "wb"))
    )
    _run(arguments, environ)


def run_into_pipes(out, err, arguments, environ, folder, streams):
    """Do the same with stdout and stderr in pipes, which are connections' descriptors."""
    run_command_line(arguments, environ, folder, [streams[0], *(f"/dev/fd/{end.fileno()}" for end in (out, err))])


def run_on_a_terminal(terminal, arguments, environ, folder, _streams):
    """Do the same in a session of its own in front of a terminal, which is a connection's descriptor."""
    os.chdir(folder)
    os.setsid()
    fcntl.ioctl(terminal.fileno(), termios.TIOCSCTTY, 0)
    for descriptor in range(3):
        os.dup2(terminal.fileno(), descriptor)
    terminal.close()
    # As Python opens them in a locale whose encoding is UTF-8.
    errors = environ.get("PYTHONIOENCODING", "utf-8:surrogateescape").partition(":")[2]
    sys.stdin, sys.stdout, sys.stderr = (
        io.TextIOWrapper(open(descriptor, mode, closefd=False), "utf-8", how, line_buffering=True)  # noqa: SIM115
        for descriptor, mode, how in ((0, "rb", errors), (1, "wb", errors), (2, "wb", "backslashreplace"))
    )
    _run(arguments, environ)


def _run(arguments, environ):
    os.environ.clear()
    os.environ.update(environ)
    # Which zone a process is in is looked up when it begins.
    time.tzset()
    from custmerge.cli import language
    from custmerge.cli.app import run
    from support import preloaded

    install = language.install

    def install_anew(name):
        if name != "en":
            preloaded.forget_english()
        install(name)

    language.install = install_anew
    code = run(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run_with_true_hashes(target, *call):
    """Do as `target` does, with passwords that are hashed as the program does."""
    from support.quick_hashes import hash_truly

    hash_truly()
    target(*call)

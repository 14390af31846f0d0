"""Runs the command line in a process of its own, quickly: forked from one that has it loaded, see `preloaded`."""

import io
import os
import sys


def run_command_line(arguments, environ, folder, streams):
    """End this process as `custmerge ARGUMENTS` does; `streams` are the files of stdin, stdout and stderr."""
    os.chdir(folder)
    for descriptor, (path, flags) in enumerate(zip(streams, (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY), strict=True)):
        os.dup2(os.open(path, flags), descriptor)
    os.environ.clear()
    os.environ.update(environ)
    sys.stdin, sys.stdout, sys.stderr = (
        io.TextIOWrapper(open(descriptor, mode, closefd=False), encoding="utf-8", write_through=False)  # noqa: SIM115
        for descriptor, mode in ((0, "rb"), (1, "wb"), (2, "wb"))
    )
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

import typer

typer.run(lambda: print("hello"))

"""What people type and see: the only place that knows Typer and Rich."""

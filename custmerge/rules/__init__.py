"""What is true: values and decisions. Pure: no I/O, no clock, no globals."""

"""What can be done: each function asks who may, opens one unit of work, calls the rules, returns values."""

"""Values → what people read (`text`) and what scripts read (`data`); a subject has the same file name in both."""

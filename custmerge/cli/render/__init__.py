"""Values as people and as scripts read them, where several verbs print them; else that stands in the verb's file."""

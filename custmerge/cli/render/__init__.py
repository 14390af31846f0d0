"""Values → tables, JSON, CSV. One file a shape; untrusted text is neutralised in `escape`."""

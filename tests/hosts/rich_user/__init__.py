"""A host whose user model asks for more than ours: short names that are unique, a column of the database's."""
